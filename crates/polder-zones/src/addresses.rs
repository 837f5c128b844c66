//! Address space of landing zones: each has blocks of its own, and in them a subnet for each purpose of each workspace.
//!
//! What was given out stays where it is, whatever comes and goes: [`Addresses`] are kept with the mesh's files and are where the next
//! allocation begins.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::space::{Space, overlap, prefix_for, size};

/// What was given out, by what for: `prod/trading/azure#1` is the first block of a landing zone, and `prod/trading/azure/odds/host` a
/// subnet in one of its blocks.
pub type Addresses = BTreeMap<String, Ipv4Net>;

/// What separates a landing zone from the number of its block.
pub const BLOCK: char = '#';

/// What a landing zone needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneNeeds {
    /// The zone, such as `prod/trading/azure`.
    pub zone: String,
    /// Its subnets.
    pub subnets: Vec<SubnetNeeds>,
    /// The prefix lengths that a block may have: the largest block's, and the smallest's.
    pub block_prefixes: (u8, u8),
}

/// What a subnet needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetNeeds {
    /// Which, such as `odds/host`.
    pub name: String,
    /// How many addresses it must have, those that the provider keeps for itself included.
    pub needed: u64,
    /// How many it is given when it is new, with room to grow.
    pub wanted: u64,
    /// The prefix lengths that a subnet may have: the largest's, and the smallest's.
    pub prefixes: (u8, u8),
}

impl SubnetNeeds {
    fn key(&self, zone: &str) -> String {
        format!("{zone}/{}", self.name)
    }

    /// The prefix of a new one; `None` when it would be larger than may be.
    fn prefix(&self, addresses: u64) -> Option<u8> {
        prefix_for(addresses).map(|prefix| prefix.min(self.prefixes.1)).filter(|prefix| *prefix >= self.prefixes.0)
    }
}

/// Why something has no addresses, or not enough of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// The environment's ranges have no room for a block of this zone.
    Ranges {
        /// The zone.
        zone: String,
        /// The prefix of the block.
        prefix: u8,
    },
    /// A subnet that is there is too small by now, and subnets of workspaces are not moved.
    Grown {
        /// The subnet.
        subnet: String,
        /// What it has.
        has: Ipv4Net,
        /// How many addresses it needs.
        needed: u64,
    },
    /// More than one subnet, or one network, can have.
    TooLarge {
        /// The subnet, or the zone.
        what: String,
        /// How many addresses it needs.
        needed: u64,
        /// How many it can have.
        most: u64,
    },
    /// A subnet lies in no block of its zone.
    Outside {
        /// The subnet.
        subnet: String,
        /// Where it is.
        block: Ipv4Net,
    },
    /// Something that was given out lies in space that is in use elsewhere, or in another's.
    Overlap {
        /// What was given out.
        what: String,
        /// Where it is.
        block: Ipv4Net,
        /// What it overlaps: what that is for, or `elsewhere`.
        other: String,
    },
}

/// Gives every subnet that has no addresses some of its zone's, and zones blocks of the environment's ranges. Returns everything that
/// is given out then, and what is lacking.
///
/// Nothing in `given` changes: what is in it for zones and subnets that are not asked for stays reserved.
#[must_use]
pub fn allocate(ranges: &[Ipv4Net], elsewhere: &[Ipv4Net], zones: &[ZoneNeeds], given: &Addresses) -> (Addresses, Vec<Lack>) {
    let mut lacks = overlaps(elsewhere, given);
    lacks.extend(outside(given));
    let blocks = given.iter().filter(|(key, _)| key.contains(BLOCK)).map(|(_, block)| *block);
    let taken: Vec<Ipv4Net> = elsewhere.iter().copied().chain(blocks).collect();
    let mut free = Space::new(ranges, &taken);
    let mut all = given.clone();
    let mut zones: Vec<&ZoneNeeds> = zones.iter().collect();
    zones.sort_by(|a, b| a.zone.cmp(&b.zone));
    for zone in zones {
        in_zone(zone, &mut free, &mut all, &mut lacks);
    }
    (all, lacks)
}

fn in_zone(zone: &ZoneNeeds, free: &mut Space, all: &mut Addresses, lacks: &mut Vec<Lack>) {
    let own = |all: &Addresses, blocks: bool| -> Vec<Ipv4Net> {
        let (from, separator) = if blocks { (format!("{}{BLOCK}", zone.zone), BLOCK) } else { (format!("{}/", zone.zone), '/') };
        let next = format!("{}{}", zone.zone, char::from_u32(separator as u32 + 1).unwrap_or(separator));
        all.range(from..next).map(|(_, block)| *block).collect()
    };
    let mut blocks = own(all, true);
    let mut inside = Space::new(&blocks, &own(all, false));
    let mut missing: Vec<(&SubnetNeeds, u8)> = Vec::new();
    for subnet in &zone.subnets {
        let key = subnet.key(&zone.zone);
        if let Some(has) = all.get(&key) {
            if size(*has) < subnet.needed {
                lacks.push(Lack::Grown { subnet: key, has: *has, needed: subnet.needed });
            }
        } else if let Some(prefix) = subnet.prefix(subnet.wanted).or_else(|| subnet.prefix(subnet.needed)) {
            missing.push((subnet, prefix));
        } else {
            let most = 1 << (32 - subnet.prefixes.0);
            lacks.push(Lack::TooLarge { what: key, needed: subnet.needed, most });
        }
    }
    // Large ones first leave no holes; among those alike the order is by name.
    missing.sort_by(|(a, p), (b, q)| p.cmp(q).then_with(|| a.name.cmp(&b.name)));
    let mut homeless = Vec::new();
    for (subnet, prefix) in missing {
        match inside.take(prefix) {
            Some(block) => drop(all.insert(subnet.key(&zone.zone), block)),
            None => homeless.push((subnet, prefix)),
        }
    }
    if homeless.is_empty() {
        return;
    }
    let needed: u64 = homeless.iter().map(|(_, prefix)| 1_u64 << (32 - prefix)).sum();
    let prefix = prefix_for(needed).map(|prefix| prefix.min(zone.block_prefixes.1));
    let Some(prefix) = prefix.filter(|prefix| *prefix >= zone.block_prefixes.0) else {
        let most = 1 << (32 - zone.block_prefixes.0);
        lacks.push(Lack::TooLarge { what: zone.zone.clone(), needed, most });
        return;
    };
    let Some(block) = free.take(prefix) else {
        lacks.push(Lack::Ranges { zone: zone.zone.clone(), prefix });
        return;
    };
    // Numbers are not given again: a block that is gone may still be routed somewhere.
    let last = all.keys().filter_map(|key| key.strip_prefix(&zone.zone)?.strip_prefix(BLOCK)?.parse::<u32>().ok()).max();
    all.insert(format!("{}{BLOCK}{}", zone.zone, last.unwrap_or(0) + 1), block);
    blocks.push(block);
    let mut inside = Space::new(&[block], &[]);
    for (subnet, prefix) in homeless {
        // The block is as large as all of them together.
        if let Some(block) = inside.take(prefix) {
            all.insert(subnet.key(&zone.zone), block);
        }
    }
}

/// Subnets that lie in no block of their zone: where a line is gone, or was changed.
fn outside(given: &Addresses) -> Vec<Lack> {
    let blocks = |zone: &str| {
        let first = format!("{zone}{BLOCK}");
        given.range(first.clone()..).take_while(move |(key, _)| key.starts_with(&first)).map(|(_, block)| *block)
    };
    let mut lacks = Vec::new();
    for (key, block) in given.iter().filter(|(key, _)| !key.contains(BLOCK)) {
        let zone = key.match_indices('/').nth(2).map_or(key.as_str(), |(at, _)| &key[..at]);
        if !blocks(zone).any(|own| own.contains(block)) {
            lacks.push(Lack::Outside { subnet: key.clone(), block: *block });
        }
    }
    lacks
}

/// What is wrong with what was given out: files can be edited, and two branches merged.
fn overlaps(elsewhere: &[Ipv4Net], given: &Addresses) -> Vec<Lack> {
    let lack = |what: &String, block: Ipv4Net, other: &str| Lack::Overlap { what: what.clone(), block, other: other.to_owned() };
    let mut lacks = Vec::new();
    for blocks in [true, false] {
        let mut some: Vec<(&String, Ipv4Net)> =
            given.iter().filter(|(key, _)| key.contains(BLOCK) == blocks).map(|(key, block)| (key, *block)).collect();
        some.sort_by_key(|(_, block)| (block.network(), block.prefix_len()));
        // Blocks overlap only where one contains the other, and those that contain others come first.
        let mut around: Option<(&String, Ipv4Net)> = None;
        for (key, block) in &some {
            match around {
                Some((other, net)) if overlap(net, *block) => lacks.push(lack(key, *block, other)),
                _ => around = Some((key, *block)),
            }
            if elsewhere.iter().any(|net| overlap(*net, *block)) {
                lacks.push(lack(key, *block, "elsewhere"));
            }
        }
    }
    lacks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn needs(zone: &str, subnets: &[(String, u64)]) -> ZoneNeeds {
        let subnet = |(name, needed): &(String, u64)| SubnetNeeds {
            name: name.clone(),
            needed: *needed,
            wanted: needed * 2,
            prefixes: (17, 26),
        };
        ZoneNeeds { zone: zone.to_owned(), subnets: subnets.iter().map(subnet).collect(), block_prefixes: (16, 24) }
    }

    fn mesh() -> impl Strategy<Value = BTreeMap<String, BTreeMap<String, u64>>> {
        let subnets = prop::collection::btree_map("[a-d]/(host|container)", 1..400_u64, 0..6);
        prop::collection::btree_map("(dev|prod)/[a-e]/(aws|azure)", subnets, 0..8)
    }

    fn zones(mesh: &BTreeMap<String, BTreeMap<String, u64>>) -> Vec<ZoneNeeds> {
        let subnets = |subnets: &BTreeMap<String, u64>| subnets.iter().map(|(name, n)| (name.clone(), *n)).collect::<Vec<_>>();
        mesh.iter().map(|(zone, of)| needs(zone, &subnets(of))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_overlaps_nothing_moves_and_what_has_addresses_has_enough(meshes in prop::collection::vec(mesh(), 1..6)) {
            let ranges = ["10.0.0.0/15".parse::<Ipv4Net>().unwrap()];
            let elsewhere = ["10.0.4.0/22".parse::<Ipv4Net>().unwrap(), "10.1.128.0/17".parse().unwrap()];
            let mut given = Addresses::new();
            for mesh in &meshes {
                let zones = zones(mesh);
                let (all, lacks) = allocate(&ranges, &elsewhere, &zones, &given);
                prop_assert!(given.iter().all(|(key, block)| all.get(key) == Some(block)), "something moved");
                prop_assert_eq!(overlaps(&elsewhere, &all), vec![]);
                for (key, block) in &all {
                    prop_assert!(ranges.iter().any(|range| range.contains(block)));
                    let Some((zone, _)) = key.split_once(BLOCK) else {
                        let mut parts = key.splitn(4, '/');
                        let zone = format!("{}/{}/{}{BLOCK}", parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
                        let within = all.iter().any(|(other, own)| other.starts_with(&zone) && own.contains(block));
                        prop_assert!(within, "{} lies in no block of its zone", key);
                        continue;
                    };
                    prop_assert!((16..=24).contains(&block.prefix_len()), "{zone}");
                }
                for zone in &zones {
                    for subnet in &zone.subnets {
                        let key = subnet.key(&zone.zone);
                        let enough = all.get(&key).is_some_and(|block| size(*block) >= subnet.needed);
                        let told = lacks.iter().any(|lack| match lack {
                            Lack::Ranges { zone: other, .. } => *other == zone.zone,
                            Lack::Grown { subnet, .. } => *subnet == key,
                            Lack::TooLarge { what, .. } => *what == zone.zone || *what == key,
                            Lack::Overlap { .. } | Lack::Outside { .. } => false,
                        });
                        prop_assert!(enough || told, "{}", key);
                    }
                }
                // The same again finds nothing to do.
                prop_assert_eq!(allocate(&ranges, &elsewhere, &zones, &all).0, all.clone());
                given = all;
            }
        }
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn a_zone_that_outgrows_its_block_gets_another_and_keeps_the_first() {
        let two = |a, b| needs("dev/trading/azure", &[("odds/host".into(), a), ("odds/container".into(), b)]);
        let (given, lacks) = allocate(&[net("10.0.0.0/16")], &[], &[two(50, 50)], &Addresses::new());
        assert_eq!(lacks, []);
        let mut more = two(50, 50);
        more.subnets.extend(needs("", &[("live/host".into(), 120)]).subnets);
        let (given, _) = allocate(&[net("10.0.0.0/16")], &[], &[more], &given);
        let shown: Vec<String> = given.iter().map(|(key, block)| format!("{key} {block}")).collect();
        let expect = [
            "dev/trading/azure#1 10.0.0.0/24",
            "dev/trading/azure#2 10.0.1.0/24",
            "dev/trading/azure/live/host 10.0.1.0/24",
            "dev/trading/azure/odds/container 10.0.0.0/25",
            "dev/trading/azure/odds/host 10.0.0.128/25",
        ];
        assert_eq!(shown, expect);
    }

    #[test]
    fn what_does_not_fit_is_told_as_what_it_is() {
        let zone = |n| needs("dev/trading/azure", &[("odds/host".into(), n)]);
        let (given, _) = allocate(&[net("10.0.0.0/24")], &[], &[zone(100)], &Addresses::new());
        let grown = Lack::Grown { subnet: "dev/trading/azure/odds/host".into(), has: net("10.0.0.0/24"), needed: 300 };
        assert_eq!(allocate(&[net("10.0.0.0/24")], &[], &[zone(300)], &given).1, [grown]);
        let full = Lack::Ranges { zone: "dev/other/azure".into(), prefix: 24 };
        assert_eq!(allocate(&[net("10.0.0.0/24")], &[], &[needs("dev/other/azure", &[("a/host".into(), 9)])], &given).1, [full]);
        let large = Lack::TooLarge { what: "dev/trading/azure/odds/host".into(), needed: 40_000, most: 32_768 };
        assert_eq!(allocate(&[net("10.0.0.0/8")], &[], &[zone(40_000)], &Addresses::new()).1, [large]);
        let mut edited = given;
        edited.insert("dev/other/azure#1".into(), net("10.0.0.0/25"));
        let lacks = allocate(&[net("10.0.0.0/16")], &[net("10.0.0.128/25")], &[], &edited).1;
        let said =
            |what: &str, block: &str, other: &str| Lack::Overlap { what: what.into(), block: net(block), other: other.into() };
        let expect = [
            said("dev/trading/azure#1", "10.0.0.0/24", "elsewhere"),
            said("dev/other/azure#1", "10.0.0.0/25", "dev/trading/azure#1"),
            said("dev/trading/azure/odds/host", "10.0.0.0/24", "elsewhere"),
        ];
        assert_eq!(lacks, expect);
        // Whose block's line is gone: what lies in it could be given out again.
        edited.remove("dev/trading/azure#1");
        let lacks = allocate(&[net("10.0.0.0/16")], &[], &[], &edited).1;
        assert_eq!(lacks, [Lack::Outside { subnet: "dev/trading/azure/odds/host".into(), block: net("10.0.0.0/24") }]);
    }
}

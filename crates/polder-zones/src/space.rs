//! Address space: blocks that are given out never overlap, are never moved, and lie where they are said to.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Address space that is free, as aligned blocks. Of blocks that fit, the smallest is given out, and of those the first: large ones
/// stay whole for as long as they can.
#[derive(Debug, Clone)]
pub struct Space {
    /// By prefix length, the first addresses of free blocks.
    free: [BTreeSet<u32>; 33],
}

impl Space {
    /// What is left of ranges when others are taken out of them. Ranges may overlap one another.
    #[must_use]
    pub fn new(ranges: &[Ipv4Net], taken: &[Ipv4Net]) -> Self {
        let mut space = Self { free: std::array::from_fn(|_| BTreeSet::new()) };
        for range in Ipv4Net::aggregate(&ranges.to_vec()) {
            space.add(range.trunc(), taken);
        }
        space
    }

    fn add(&mut self, block: Ipv4Net, taken: &[Ipv4Net]) {
        let within: Vec<Ipv4Net> = taken.iter().copied().filter(|net| overlap(*net, block)).collect();
        if within.is_empty() {
            self.free[usize::from(block.prefix_len())].insert(first(block));
        } else if !within.iter().any(|net| net.contains(&block)) {
            // A block of one address that overlaps another is contained in it.
            for half in block.subnets(block.prefix_len() + 1).into_iter().flatten() {
                self.add(half, &within);
            }
        }
    }

    /// Gives out a block with a prefix of this length; `None` when there is none in one piece.
    pub fn take(&mut self, prefix: u8) -> Option<Ipv4Net> {
        let prefix = prefix.min(32);
        let mut length = (0..=prefix).rev().find(|length| !self.free[usize::from(*length)].is_empty())?;
        let start = self.free[usize::from(length)].pop_first()?;
        while length < prefix {
            length += 1;
            // The first half goes on; the second is free.
            self.free[usize::from(length)].insert(start + (1 << (32 - length)));
        }
        Ipv4Net::new(Ipv4Addr::from(start), prefix).ok()
    }

    /// How many addresses are free, in however many pieces.
    #[must_use]
    pub fn addresses(&self) -> u64 {
        self.free.iter().enumerate().map(|(length, blocks)| (blocks.len() as u64) << (32 - length)).sum()
    }

    /// The prefix length of the largest block that is free.
    #[must_use]
    pub fn largest(&self) -> Option<u8> {
        self.free.iter().position(|blocks| !blocks.is_empty()).and_then(|length| u8::try_from(length).ok())
    }
}

/// Whether two blocks have an address in common.
#[must_use]
pub fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// How many addresses a block has.
#[must_use]
pub fn size(block: Ipv4Net) -> u64 {
    1 << (32 - block.prefix_len())
}

/// The longest prefix of a block with at least this many addresses; `None` when there are not so many.
#[must_use]
pub fn prefix_for(addresses: u64) -> Option<u8> {
    (0..=32_u8).rev().find(|prefix| 1_u64 << (32 - prefix) >= addresses)
}

fn first(block: Ipv4Net) -> u32 {
    u32::from(block.network())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net() -> impl Strategy<Value = Ipv4Net> {
        (any::<u32>(), 8..=30_u8).prop_map(|(address, prefix)| Ipv4Net::new(address.into(), prefix).unwrap().trunc())
    }

    proptest! {
        #[test]
        fn what_is_given_out_overlaps_nothing_and_lies_in_the_ranges(
            ranges in prop::collection::vec(net(), 1..4),
            inside in prop::collection::vec((any::<u32>(), 12..=32_u8), 0..6),
            outside in prop::collection::vec(net(), 0..3),
            wanted in prop::collection::vec(10..=32_u8, 1..40),
        ) {
            // Some of what is taken lies in the ranges, else it would seldom matter.
            let shifted = inside.iter().enumerate().map(|(at, (offset, prefix))| {
                let range = ranges[at % ranges.len()];
                let address = first(range) + offset % u32::try_from(size(range)).unwrap_or(u32::MAX);
                Ipv4Net::new(address.into(), *prefix).unwrap().trunc()
            });
            let mut taken: Vec<Ipv4Net> = shifted.chain(outside).collect();
            let mut space = Space::new(&ranges, &taken);
            let mut free = space.addresses();
            for prefix in wanted {
                let largest = space.largest();
                match space.take(prefix) {
                    Some(block) => {
                        prop_assert_eq!(block.prefix_len(), prefix);
                        prop_assert_eq!(block, block.trunc());
                        prop_assert!(taken.iter().all(|net| !overlap(*net, block)));
                        prop_assert!(Ipv4Net::aggregate(&ranges).iter().any(|range| range.contains(&block)));
                        free -= size(block);
                        prop_assert_eq!(space.addresses(), free);
                        taken.push(block);
                    }
                    None => prop_assert!(largest.is_none_or(|largest| largest > prefix)),
                }
            }
        }

        #[test]
        fn a_prefix_is_the_longest_that_is_long_enough(addresses in 1..1_u64 << 32) {
            let prefix = prefix_for(addresses).unwrap();
            prop_assert!(1_u64 << (32 - prefix) >= addresses);
            prop_assert!(prefix == 32 || 1_u64 << (31 - prefix) < addresses);
        }
    }

    #[test]
    fn the_smallest_block_that_fits_is_broken() {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Ipv4Net>>();
        let mut space = Space::new(&nets(&["10.0.0.0/22"]), &nets(&["10.0.0.0/25"]));
        let taken: Vec<String> = [26, 26, 25, 24, 23, 24].iter().map(|p| format!("{:?}", space.take(*p))).collect();
        let expect =
            ["Some(10.0.0.128/26)", "Some(10.0.0.192/26)", "Some(10.0.1.0/25)", "Some(10.0.2.0/24)", "None", "Some(10.0.3.0/24)"];
        assert_eq!(taken, expect);
        assert_eq!((space.addresses(), space.largest()), (128, Some(25)));
        assert_eq!(prefix_for((1 << 32) + 1), None);
    }
}

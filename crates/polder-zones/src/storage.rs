//! Storage that fits the data: from what a dataset is for to performance, redundancy, tier and lifecycle at a provider, and why.

use std::collections::BTreeMap;

use polder_descriptor::region;
use polder_model::Provider;
use polder_model::usage::{Pattern, Recovery, Residency, Usage};
use serde::Serialize;

/// How something is stored. Datasets of a domain that are stored alike share an account or bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageClass {
    /// `Standard`, or `Premium` where a provider has disks for many small requests.
    pub performance: &'static str,
    /// The provider's word for how many copies there are, and where.
    pub redundancy: String,
    /// The provider's word for what is written.
    pub tier: String,
    /// What becomes of it: after so many days, in which tier it is. In order.
    pub lifecycle: Vec<(u32, &'static str)>,
    /// For how many days nothing may be changed or deleted.
    pub hold_days: Option<u32>,
    /// What is in names for it.
    #[serde(skip)]
    word: String,
}

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// How it is stored.
    pub class: StorageClass,
    /// Why, for people.
    pub why: String,
}

/// Why there is no storage that fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFit {
    /// The provider has no such redundancy or tier, or not together.
    #[error("{provider} has no {what} {given:?}: there is {known}")]
    Unknown {
        /// The provider.
        provider: Provider,
        /// `redundancy` or `tier`.
        what: &'static str,
        /// What was asked for.
        given: String,
        /// What there is.
        known: String,
    },
    /// Both are there, and not together.
    #[error("{provider} has no tier {tier} with the redundancy {redundancy}")]
    NotTogether {
        /// The provider.
        provider: Provider,
        /// The redundancy.
        redundancy: String,
        /// The tier.
        tier: String,
    },
    /// The region is elsewhere.
    #[error("it must stay in the {}, and the region {region} is not known to be there", residency.as_str())]
    Residency {
        /// Where it must stay.
        residency: Residency,
        /// Where its landing zone is.
        region: String,
    },
}

/// Chooses how a dataset is stored at a provider.
///
/// # Errors
/// When what it asks for by name is not there, or its landing zone is in another part of the world than it may be in.
pub fn choose(provider: Provider, region: Option<&str>, usage: &Usage) -> Result<Choice, NoFit> {
    if let (Some(residency), Some(region)) = (usage.residency, region)
        && region::residency(provider, region) != Some(residency)
    {
        return Err(NoFit::Residency { residency, region: region.to_owned() });
    }
    let Words { redundancies, tiers, .. } = words(provider);
    let mut class = fitting(provider, usage);
    let mut why = vec![reason(usage)];
    if usage.redundancy.is_some() {
        why = vec![used(usage).to_owned()];
    }
    for (what, given, known, slot) in
        [("redundancy", &usage.redundancy, redundancies, &mut class.redundancy), ("tier", &usage.tier, tiers, &mut class.tier)]
    {
        let Some(given) = given else { continue };
        let Some(found) = known.iter().find(|known| known.eq_ignore_ascii_case(given)) else {
            return Err(NoFit::Unknown { provider, what, given: given.clone(), known: known.join(", ") });
        };
        why.push(format!("the {what} is declared"));
        *slot = (*found).to_owned();
    }
    if usage.redundancy.is_some() || usage.tier.is_some() {
        // What would not go with what is declared is left out; what is declared must go together.
        class.lifecycle.retain(|(_, tier)| together(provider, &class.redundancy, tier));
        if provider == Provider::Aws {
            let place = |tier: &str| tiers.iter().position(|known| *known == tier);
            class.lifecycle.retain(|(_, tier)| place(tier) > place(&class.tier));
        }
        if !together(provider, &class.redundancy, &class.tier) {
            return Err(NoFit::NotTogether { provider, redundancy: class.redundancy, tier: class.tier });
        }
        if class.performance == "Premium" && !PREMIUM_REDUNDANCIES.contains(&class.redundancy.as_str()) {
            class.performance = "Standard";
        }
    }
    // Names are of what was chosen when old data went into archives: accounts that were made then are not made anew.
    class.word = word(&class);
    class.lifecycle = read_at_once(provider, &class);
    Ok(Choice { class, why: why.join("; ") })
}

/// The provider's words.
struct Words {
    redundancies: &'static [&'static str],
    tiers: &'static [&'static str],
    /// The redundancy for each recovery, in order.
    of_recovery: [&'static str; 3],
    /// What is read often, what is read seldom, and what is hardly ever read.
    of_age: [&'static str; 3],
}

const fn words(provider: Provider) -> Words {
    match provider {
        Provider::Azure => Words {
            redundancies: &["LRS", "ZRS", "GRS", "RAGRS", "GZRS", "RAGZRS"],
            tiers: &["Hot", "Cool", "Cold", "Archive"],
            of_recovery: ["LRS", "ZRS", "GZRS"],
            of_age: ["Hot", "Cool", "Archive"],
        },
        Provider::Aws => Words {
            redundancies: &["ONE_ZONE", "REGION", "CROSS_REGION"],
            // In the order in which S3 moves objects: never back.
            tiers: &["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"],
            of_recovery: ["REGION", "REGION", "CROSS_REGION"],
            of_age: ["STANDARD", "STANDARD_IA", "DEEP_ARCHIVE"],
        },
        Provider::Gcp => Words {
            redundancies: &["REGION", "DUAL_REGION", "MULTI_REGION"],
            tiers: &["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"],
            of_recovery: ["REGION", "REGION", "DUAL_REGION"],
            of_age: ["STANDARD", "NEARLINE", "ARCHIVE"],
        },
    }
}

/// Premium block blobs are kept in one region: Microsoft, "Azure Storage redundancy".
const PREMIUM_REDUNDANCIES: [&str; 2] = ["LRS", "ZRS"];

/// After how many days what is hardly ever read moves on: the shortest times that providers bill of these tiers are 30 and 90 days.
const SELDOM_DAYS: u32 = 30;
const HARDLY_DAYS: u32 = 90;

/// Tiers that give nothing back before somebody has it restored, each with the coldest that does. What ages is a whole bucket, and with the
/// files of a table those of its log: one whose log has to be restored cannot be read at all, whatever of it is asked for.
const ARCHIVES: [(&str, &str); 2] = [("Archive", "Cold"), ("DEEP_ARCHIVE", "GLACIER_IR")];

/// A class's lifecycle without archives, and without what would be no colder than what is written: nothing is moved back.
fn read_at_once(provider: Provider, class: &StorageClass) -> Vec<(u32, &'static str)> {
    let place = |tier: &str| words(provider).tiers.iter().position(|known| *known == tier);
    let colder = |tier: &'static str| ARCHIVES.iter().find(|(archive, _)| *archive == tier).map_or(tier, |(_, colder)| *colder);
    let read = class.lifecycle.iter().map(|(days, tier)| (*days, colder(tier)));
    read.filter(|(_, tier)| place(tier) > place(&class.tier)).collect()
}

fn fitting(provider: Provider, usage: &Usage) -> StorageClass {
    let Words { of_recovery, of_age: [often, seldom, mut hardly], .. } = words(provider);
    let mut redundancy = of_recovery[usage.recovery as usize];
    let mut performance = "Standard";
    if provider == Provider::Azure && matches!(usage.pattern, Pattern::Archive | Pattern::LegalHold) {
        // Azure archives nothing that is kept in zones: what must survive one is cold instead, what must survive a region is in two. That
        // nothing is archived any more does not change how accounts are kept.
        (redundancy, hardly) = match usage.recovery {
            Recovery::Disk => (redundancy, hardly),
            Recovery::Zone => (redundancy, "Cold"),
            Recovery::Region => ("GRS", hardly),
        };
    }
    let (tier, lifecycle) = match usage.pattern {
        Pattern::Streaming => {
            if provider == Provider::Azure && usage.recovery != Recovery::Region {
                performance = "Premium";
            }
            (often, Vec::new())
        }
        Pattern::Analytics => (often, Vec::new()),
        Pattern::Archive => (seldom, vec![(HARDLY_DAYS, hardly)]),
        Pattern::LegalHold => (often, vec![(SELDOM_DAYS, seldom), (HARDLY_DAYS, hardly)]),
    };
    let hold_days = (usage.pattern == Pattern::LegalHold).then(|| usage.hold_days.unwrap_or(HOLD_DAYS));
    let (redundancy, tier, word) = (redundancy.to_owned(), tier.to_owned(), String::new());
    StorageClass { performance, redundancy, tier, lifecycle, hold_days, word }
}

/// Seven years, as tax and anti-money-laundering laws of most of Europe have it at least.
const HOLD_DAYS: u32 = 7 * 365 + 2;

/// Whether a tier is there with a redundancy. Azure: no archive in zones ("Access tiers for blob data"). AWS: One Zone-IA is one zone.
fn together(provider: Provider, redundancy: &str, tier: &str) -> bool {
    match provider {
        Provider::Azure => tier != "Archive" || !redundancy.contains("ZRS"),
        Provider::Aws => (tier == "ONEZONE_IA") == (redundancy == "ONE_ZONE"),
        Provider::Gcp => true,
    }
}

fn used(usage: &Usage) -> &'static str {
    match usage.pattern {
        Pattern::Streaming => "many small writes that are read at once",
        Pattern::Analytics => "read often",
        Pattern::Archive => "hardly ever read",
        Pattern::LegalHold => "kept unchanged by law",
    }
}

fn reason(usage: &Usage) -> String {
    let used = used(usage);
    let survives = match usage.recovery {
        Recovery::Disk => "can be made again",
        Recovery::Zone => "survives a data centre",
        Recovery::Region => "survives a region",
    };
    format!("{used}, {survives}")
}

/// Groups what is stored alike. Classes are in an order of their own, so that whoever names them by their number sees it change; names are
/// made of [`StorageClass::word`] instead.
#[must_use]
pub fn grouped<T>(chosen: impl IntoIterator<Item = (Choice, T)>) -> BTreeMap<StorageClass, Vec<T>> {
    let mut groups: BTreeMap<StorageClass, Vec<T>> = BTreeMap::new();
    for (choice, item) in chosen {
        groups.entry(choice.class).or_default().push(item);
    }
    groups
}

impl StorageClass {
    /// A word for names, which says how it is stored and nothing of what is: two classes have never the same.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }
}

fn word(class: &StorageClass) -> String {
    let lifecycle: String = class.lifecycle.iter().map(|(days, tier)| format!("{days}{tier}")).collect();
    let hold = class.hold_days.map(|days| format!("hold{days}")).unwrap_or_default();
    format!("{}{}{}{lifecycle}{hold}", class.performance, class.redundancy, class.tier).to_ascii_lowercase().replace('_', "")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn usage(pattern: Pattern, recovery: Recovery) -> Usage {
        Usage { pattern, recovery, ..Usage::default() }
    }

    fn shown(provider: Provider, usage: &Usage) -> String {
        match choose(provider, None, usage) {
            Ok(Choice { class: StorageClass { performance, redundancy, tier, lifecycle, hold_days, .. }, why }) => {
                format!("{performance} {redundancy} {tier} {lifecycle:?} {hold_days:?}: {why}")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_data_is_for_says_how_it_is_stored() {
        let check = |provider, usage: Usage, expect: &str| assert_eq!(shown(provider, &usage), expect);
        use Pattern::{Analytics, Archive, LegalHold, Streaming};
        use Provider::{Aws, Azure, Gcp};
        check(Azure, Usage::default(), "Standard ZRS Hot [] None: read often, survives a data centre");
        check(
            Azure,
            usage(Streaming, Recovery::Zone),
            "Premium ZRS Hot [] None: many small writes that are read at once, survives a data centre",
        );
        check(
            Azure,
            usage(Streaming, Recovery::Region),
            "Standard GZRS Hot [] None: many small writes that are read at once, survives a region",
        );
        check(
            Azure,
            usage(Archive, Recovery::Zone),
            "Standard ZRS Cool [(90, \"Cold\")] None: hardly ever read, survives a data centre",
        );
        check(
            Azure,
            usage(Archive, Recovery::Disk),
            "Standard LRS Cool [(90, \"Cold\")] None: hardly ever read, can be made again",
        );
        check(
            Aws,
            usage(Archive, Recovery::Region),
            "Standard CROSS_REGION STANDARD_IA [(90, \"GLACIER_IR\")] None: hardly ever read, survives a region",
        );
        check(Gcp, usage(Analytics, Recovery::Region), "Standard DUAL_REGION STANDARD [] None: read often, survives a region");
        let held = Usage { hold_days: Some(400), ..usage(LegalHold, Recovery::Region) };
        check(
            Azure,
            held,
            "Standard GRS Hot [(30, \"Cool\"), (90, \"Cold\")] Some(400): kept unchanged by law, survives a region",
        );
    }

    #[test]
    fn what_is_declared_goes_before_what_fits_and_is_something_that_there_is() {
        let declared = |redundancy: Option<&str>, tier: Option<&str>| Usage {
            redundancy: redundancy.map(str::to_owned),
            tier: tier.map(str::to_owned),
            ..usage(Pattern::Archive, Recovery::Zone)
        };
        let check = |usage: Usage, expect: &str| assert_eq!(shown(Provider::Azure, &usage), expect);
        check(
            declared(Some("zrs"), None),
            "Standard ZRS Cool [(90, \"Cold\")] None: hardly ever read; the redundancy is declared",
        );
        check(declared(Some("ZRS"), Some("archive")), "azure has no tier Archive with the redundancy ZRS");
        check(declared(None, Some("glacier")), "azure has no tier \"glacier\": there is Hot, Cool, Cold, Archive");
        let streaming = Usage { redundancy: Some("GRS".into()), ..usage(Pattern::Streaming, Recovery::Zone) };
        check(streaming, "Standard GRS Hot [] None: many small writes that are read at once; the redundancy is declared");
    }

    #[test]
    fn nothing_is_moved_back_at_aws() {
        let check = |pattern, redundancy: Option<&str>, tier: &str, expect: &str| {
            let usage = Usage {
                redundancy: redundancy.map(str::to_owned),
                tier: Some(tier.to_owned()),
                ..usage(pattern, Recovery::Zone)
            };
            let class = choose(Provider::Aws, None, &usage).unwrap().class;
            assert_eq!(format!("{} {:?}", class.tier, class.lifecycle), expect);
        };
        check(Pattern::LegalHold, None, "STANDARD", "STANDARD [(30, \"STANDARD_IA\"), (90, \"GLACIER_IR\")]");
        check(Pattern::LegalHold, None, "INTELLIGENT_TIERING", "INTELLIGENT_TIERING [(90, \"GLACIER_IR\")]");
        check(Pattern::Archive, None, "glacier_ir", "GLACIER_IR []");
        check(Pattern::Archive, None, "glacier", "GLACIER []");
        check(Pattern::Archive, None, "deep_archive", "DEEP_ARCHIVE []");
        check(Pattern::LegalHold, Some("ONE_ZONE"), "ONEZONE_IA", "ONEZONE_IA []");
    }

    #[test]
    fn names_are_as_they_were_when_old_data_was_archived() {
        let check =
            |provider, usage: Usage, expect: &str| assert_eq!(choose(provider, None, &usage).unwrap().class.word(), expect);
        let declared = |tier: &str| Usage { tier: Some(tier.to_owned()), ..usage(Pattern::Archive, Recovery::Zone) };
        check(Provider::Azure, usage(Pattern::Archive, Recovery::Disk), "standardlrscool90archive");
        check(Provider::Azure, usage(Pattern::Archive, Recovery::Zone), "standardzrscool90cold");
        check(Provider::Azure, usage(Pattern::LegalHold, Recovery::Region), "standardgrshot30cool90archivehold2557");
        check(Provider::Azure, declared("Cold"), "standardzrscold90cold");
        check(Provider::Aws, usage(Pattern::Archive, Recovery::Zone), "standardregionstandardia90deeparchive");
        check(Provider::Aws, declared("GLACIER_IR"), "standardregionglacierir90deeparchive");
        check(Provider::Gcp, usage(Pattern::Archive, Recovery::Zone), "standardregionnearline90archive");
    }

    #[test]
    fn data_stays_where_it_must() {
        let check = |provider, region: &str, residency, expect: bool| {
            let usage = Usage { residency: Some(residency), ..Usage::default() };
            assert_eq!(choose(provider, Some(region), &usage).is_ok(), expect, "{region}");
        };
        check(Provider::Azure, "westeurope", Residency::Eu, true);
        check(Provider::Azure, "switzerlandnorth", Residency::Eu, false);
        check(Provider::Azure, "uksouth", Residency::Eu, false);
        check(Provider::Aws, "eu-west-1", Residency::Eu, true);
        check(Provider::Aws, "eu-west-2", Residency::Eu, false);
        check(Provider::Aws, "ap-south-1", Residency::Us, false);
        check(Provider::Gcp, "europe-west4", Residency::Eu, true);
        check(Provider::Gcp, "us-central1", Residency::Us, true);
        check(Provider::Gcp, "europe-west2", Residency::Uk, true);
        check(Provider::Gcp, "europe-west6", Residency::Eu, false);
        check(Provider::Gcp, "europe-mars1", Residency::Eu, false);
        check(Provider::Azure, "marsnorth", Residency::Eu, false);
    }

    proptest! {
        #[test]
        fn whatever_is_chosen_is_there_at_the_provider(
            provider in prop::sample::select(Provider::ALL.to_vec()),
            pattern in prop::sample::select(Pattern::ALL.to_vec()),
            recovery in prop::sample::select(Recovery::ALL.to_vec()),
            redundancy in prop::option::of(prop::sample::select(vec!["LRS", "ZRS", "GZRS", "REGION", "ONE_ZONE", "DUAL_REGION", "none"])),
            tier in prop::option::of(prop::sample::select(vec!["Hot", "Archive", "STANDARD", "ONEZONE_IA", "COLDLINE", "none"])),
        ) {
            let usage = Usage { redundancy: redundancy.map(str::to_owned), tier: tier.map(str::to_owned), ..usage(pattern, recovery) };
            let known = words(provider);
            match choose(provider, None, &usage) {
                Ok(Choice { class, .. }) => {
                    prop_assert!(known.redundancies.contains(&class.redundancy.as_str()) && known.tiers.contains(&class.tier.as_str()));
                    prop_assert!(together(provider, &class.redundancy, &class.tier));
                    let mut days = 0;
                    for (after, tier) in &class.lifecycle {
                        prop_assert!(*after > days && known.tiers.contains(tier) && together(provider, &class.redundancy, tier));
                        prop_assert!(ARCHIVES.iter().all(|(archive, _)| archive != tier), "{tier} has to be restored");
                        days = *after;
                    }
                    prop_assert!(class.performance == "Standard" || PREMIUM_REDUNDANCIES.contains(&class.redundancy.as_str()));
                    prop_assert_eq!(class.hold_days.is_some(), pattern == Pattern::LegalHold);
                }
                Err(_) => prop_assert!(redundancy.is_some() || tier.is_some(), "nothing was asked for by name"),
            }
        }
    }

    #[test]
    fn classes_have_words_of_their_own() {
        let mut classes = BTreeSet::new();
        for provider in Provider::ALL {
            for pattern in Pattern::ALL {
                for recovery in Recovery::ALL {
                    classes.insert(choose(provider, None, &usage(pattern, recovery)).unwrap().class);
                }
            }
        }
        let words: BTreeSet<&str> = classes.iter().map(StorageClass::word).collect();
        assert_eq!(words.len(), classes.len());
        let choices =
            Pattern::ALL.map(|pattern| (choose(Provider::Azure, None, &usage(pattern, Recovery::Zone)).unwrap(), pattern));
        assert_eq!(grouped(choices).len(), 4);
    }
}

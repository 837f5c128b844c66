//! Names of what is made at a provider: derived from what it is for and nothing else, so that they stay as they are when neighbours come
//! and go; valid by the provider's own rules; and different for different things.
//!
//! ```text
//!  rg-dev-trading-odds           resource group: plain words, which a separator keeps apart
//!  rg-dev-trading-live-odds-k3q7x2m  one word has a separator in it: what follows says which of the names it could be this one is
//!  stbetdevtradingodk3q7x2m      storage account: no separator, 24 characters, one of its name in the world
//! ```

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A kind of thing that is made at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "each is explained by its row of the table")]
pub enum Kind {
    Subscription,
    ResourceGroup,
    VirtualNetwork,
    Subnet,
    NetworkSecurityGroup,
    PrivateEndpoint,
    Workspace,
    AccessConnector,
    KeyVault,
    StorageAccount,
    ServicePrincipal,
    LogWorkspace,
    Budget,
    Metastore,
    Account,
    Vpc,
    Bucket,
    Role,
    EncryptionKey,
    GlueDatabase,
    EksCluster,
    Namespace,
    Folder,
    Project,
    Network,
    BigQueryDataset,
    GkeCluster,
    SqlInstance,
    LoadBalancer,
    Secret,
    Registry,
    CloudBucket,
    ServiceAccount,
}

/// Among what names of a kind must differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// All customers of the provider.
    World,
    /// The provider's tenant, organization or account.
    Tenant,
    /// The landing zone.
    Zone,
    /// The group, project or network that it is in.
    Group,
}

/// The provider's rule for names of a kind, and our abbreviation. All are lower case letters and digits, begin with a letter, and end
/// with a letter or digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// What is named.
    pub kind: Kind,
    /// What its names begin with.
    pub abbreviation: &'static str,
    /// How many characters there are at least.
    pub shortest: usize,
    /// How many characters there are at most.
    pub longest: usize,
    /// What may stand between words.
    pub separator: Option<char>,
    /// Among what names must differ.
    pub scope: Scope,
}

const fn rule(kind: Kind, abbreviation: &'static str, range: (usize, usize), separator: Option<char>, scope: Scope) -> Rule {
    Rule { kind, abbreviation, shortest: range.0, longest: range.1, separator, scope }
}

/// The rules. Lengths and alphabets: Microsoft's "Naming rules and restrictions for Azure resources", the references of AWS's and Google's
/// own APIs (S3 bucket naming rules, IAM and STS quotas, `projects.create`, `datasets.insert`, `serviceAccounts.create`; "About Cloud Storage
/// buckets"; Cloud SQL's `project:instance` of at most 98 characters; `billingAccounts.budgets`), and Databricks' account API.
pub const RULES: &[Rule] = &[
    rule(Kind::Subscription, "sub", (1, 64), Some('-'), Scope::Tenant),
    rule(Kind::ResourceGroup, "rg", (1, 90), Some('-'), Scope::Zone),
    rule(Kind::VirtualNetwork, "vnet", (2, 64), Some('-'), Scope::Group),
    rule(Kind::Subnet, "snet", (1, 63), Some('-'), Scope::Group),
    rule(Kind::NetworkSecurityGroup, "nsg", (1, 80), Some('-'), Scope::Group),
    rule(Kind::PrivateEndpoint, "pep", (2, 64), Some('-'), Scope::Group),
    rule(Kind::Workspace, "dbw", (3, 64), Some('-'), Scope::Tenant),
    rule(Kind::AccessConnector, "dbac", (3, 64), Some('-'), Scope::Group),
    rule(Kind::KeyVault, "kv", (3, 24), Some('-'), Scope::World),
    rule(Kind::StorageAccount, "st", (3, 24), None, Scope::World),
    rule(Kind::ServicePrincipal, "sp", (1, 120), Some('-'), Scope::Tenant),
    rule(Kind::LogWorkspace, "log", (4, 63), Some('-'), Scope::Group),
    rule(Kind::Budget, "bud", (1, 60), Some('-'), Scope::Zone),
    rule(Kind::Metastore, "ms", (1, 64), Some('-'), Scope::Tenant),
    rule(Kind::Account, "acc", (1, 50), Some('-'), Scope::Tenant),
    rule(Kind::Vpc, "vpc", (1, 63), Some('-'), Scope::Zone),
    rule(Kind::Bucket, "s3", (3, 63), Some('-'), Scope::World),
    rule(Kind::Role, "role", (1, 64), Some('-'), Scope::Zone),
    rule(Kind::EncryptionKey, "key", (1, 63), Some('-'), Scope::Zone),
    // Glue takes 255: each layer's name follows.
    rule(Kind::GlueDatabase, "gl", (1, 128), Some('_'), Scope::Zone),
    rule(Kind::EksCluster, "eks", (1, 100), Some('-'), Scope::Zone),
    rule(Kind::Namespace, "ns", (1, 63), Some('-'), Scope::Group),
    rule(Kind::Folder, "fld", (3, 30), Some('-'), Scope::Tenant),
    rule(Kind::Project, "prj", (6, 30), Some('-'), Scope::World),
    rule(Kind::Network, "net", (1, 62), Some('-'), Scope::Group),
    rule(Kind::BigQueryDataset, "bq", (1, 1_024), Some('_'), Scope::Group),
    rule(Kind::GkeCluster, "gke", (1, 40), Some('-'), Scope::Group),
    rule(Kind::SqlInstance, "sql", (1, 67), Some('-'), Scope::Group),
    rule(Kind::LoadBalancer, "lb", (1, 63), Some('-'), Scope::Group),
    rule(Kind::Secret, "sec", (1, 127), Some('-'), Scope::Group),
    rule(Kind::Registry, "reg", (1, 63), Some('-'), Scope::Group),
    rule(Kind::CloudBucket, "gcs", (3, 63), Some('-'), Scope::World),
    rule(Kind::ServiceAccount, "sa", (6, 30), Some('-'), Scope::Group),
];

impl Kind {
    /// Its rule.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        // A test says that every kind has one.
        RULES.iter().find(|rule| rule.kind == self).unwrap_or(&RULES[0])
    }

    /// What its names may not have in them, wherever it stands. Google: "Creating and managing projects" and "About Cloud Storage buckets".
    const fn barred(self) -> &'static [&'static str] {
        match self {
            Self::Project => &["google", "null", "undefined", "ssl"],
            Self::CloudBucket => &["google", "g00gle"],
            _ => &[],
        }
    }
}

/// How many characters tell names apart that would be the same: 35 bits.
const TAIL: usize = 7;
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Rule {
    /// The name of what is for this: the organization, and the words of its address, such as environment, department and domain.
    #[must_use]
    pub fn name(&self, organization: &str, address: &[&str]) -> String {
        let abbreviated = abbreviated(organization);
        let mut words = vec![self.abbreviation.to_owned()];
        // Where names are the world's, another company has the same domains.
        words.extend((self.scope == Scope::World).then_some(abbreviated).filter(|text| !text.is_empty()));
        words.extend(address.iter().map(|word| self.word(word)));
        let words: Vec<String> =
            words.into_iter().map(|word| self.without_barred(word)).filter(|word| !word.is_empty()).collect();
        let separator = self.separator.map(String::from).unwrap_or_default();
        let name = words.join(&separator);
        let is_plain = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let is_alone = self.scope != Scope::World && self.separator.is_some() && address.iter().all(is_plain);
        if is_alone && (self.shortest..=self.longest).contains(&name.len()) {
            return name;
        }
        let room = self.longest - TAIL - separator.len();
        let head: String = name.chars().take(room).collect();
        format!("{}{separator}{}", head.trim_end_matches(['-', '_']), tail(self.kind, organization, address))
    }

    /// A word without what may be in no name. What is left of it stands together, and may be barred in turn.
    fn without_barred(&self, mut word: String) -> String {
        while let Some(barred) = self.kind.barred().iter().find(|barred| word.contains(**barred)) {
            word = word.replace(barred, "");
        }
        word.trim_matches(['-', '_']).to_owned()
    }

    /// A word in the rule's alphabet.
    fn word(&self, word: &str) -> String {
        let mut written = String::with_capacity(word.len());
        for c in word.chars() {
            if c.is_ascii_alphanumeric() {
                written.push(c.to_ascii_lowercase());
            } else if let Some(separator) =
                self.separator.filter(|separator| !written.is_empty() && !written.ends_with(*separator))
            {
                written.push(separator);
            }
        }
        written.trim_end_matches(['-', '_']).to_owned()
    }

    /// Whether a name is one by this rule.
    #[must_use]
    pub fn is_valid(&self, name: &str) -> bool {
        let fits = (self.shortest..=self.longest).contains(&name.len());
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || Some(c) == self.separator;
        let twice = self.separator.is_some_and(|separator| name.contains(&format!("{separator}{separator}")));
        let ends = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.ends_with(|c: char| c.is_ascii_alphanumeric());
        let barred = self.kind.barred().iter().any(|barred| name.contains(barred));
        fits && name.chars().all(known) && !twice && ends && !barred
    }
}

/// The first letters and digits of an organization's name.
fn abbreviated(organization: &str) -> String {
    organization.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(4).collect()
}

/// What tells a name from all that would be like it: of everything that it was derived from. One that happens to be barred is passed over.
fn tail(kind: Kind, organization: &str, address: &[&str]) -> String {
    let mut hash = Sha256::new();
    for word in [kind.rule().abbreviation, organization].iter().chain(address) {
        hash.update((word.len() as u64).to_be_bytes());
        hash.update(word);
    }
    let mut digest = hash.finalize();
    loop {
        let tail: String = digest.iter().take(TAIL).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        if !kind.barred().iter().any(|barred| tail.contains(barred)) {
            return tail;
        }
        digest = Sha256::digest(digest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_has_a_rule_of_its_own_and_room_for_a_tail() {
        let kinds: HashSet<Kind> = RULES.iter().map(|rule| rule.kind).collect();
        let abbreviations: HashSet<&str> = RULES.iter().map(|rule| rule.abbreviation).collect();
        assert_eq!((kinds.len(), abbreviations.len()), (RULES.len(), RULES.len()));
        for rule in RULES {
            assert_eq!(rule.kind.rule(), rule);
            assert!(rule.longest >= rule.abbreviation.len() + 4 + 2 + TAIL, "{rule:?}");
        }
        // The last of the enumeration: whoever adds one adds its rule.
        assert_eq!(RULES.len(), Kind::ServiceAccount as usize + 1);
    }

    #[test]
    fn names_read_as_what_they_are_for() {
        let check = |kind: Kind, address: &[&str], expect: &str| assert_eq!(kind.rule().name("Bet & Co", address), expect);
        check(Kind::ResourceGroup, &["dev", "trading", "odds"], "rg-dev-trading-odds");
        check(Kind::GlueDatabase, &["dev", "trading", "odds"], "gl_dev_trading_odds");
        check(Kind::ResourceGroup, &["dev", "trading", "live_odds"], "rg-dev-trading-live-odds-52ojn6f");
        check(Kind::StorageAccount, &["dev", "trading", "odds"], "stbetcdevtradingokybzche");
        check(Kind::KeyVault, &["dev", "trading", "odds"], "kv-betc-dev-trad-fi5rp5q");
        check(Kind::ServiceAccount, &["dev", "trading", "odds"], "sa-dev-trading-odds");
        check(Kind::Folder, &["production", "a_department_of_sixty_characters"], "fld-production-a-depar-cpzzxhg");
    }

    #[test]
    fn what_google_bars_is_in_no_name() {
        let named = |kind: Kind, domain: &str| {
            let name = kind.rule().name("Null Inc", &["dev", "ads", domain]);
            assert!(kind.rule().is_valid(&name), "{name}");
            name[..name.len() - TAIL].to_owned()
        };
        assert_eq!(named(Kind::Project, "lossless"), "prj-dev-ads-loess-");
        assert_eq!(named(Kind::Project, "nunullll"), "prj-dev-ads-");
        assert_eq!(named(Kind::CloudBucket, "google_ads"), "gcs-null-dev-ads-ads-");
        assert!(!Kind::Project.rule().is_valid("prj-ssl-a"));
    }

    proptest! {
        #[test]
        fn names_are_valid_and_nobodys_else(
            organization in ".{0,20}",
            addresses in prop::collection::hash_set(prop::collection::vec("[a-z][a-z0-9_-]{0,8}|(google|ssl|null|_){1,4}|.{0,80}", 1..4), 1..30),
        ) {
            for rule in RULES {
                let mut seen = HashMap::new();
                for address in &addresses {
                    let words: Vec<&str> = address.iter().map(String::as_str).collect();
                    let name = rule.name(&organization, &words);
                    prop_assert!(rule.is_valid(&name), "{:?} {name:?}", rule.kind);
                    prop_assert_eq!(rule.name(&organization, &words), name.clone());
                    let other = seen.insert(name.clone(), address);
                    prop_assert!(other.is_none(), "{:?} and {:?} are both {}", other, address, name);
                }
            }
        }

        #[test]
        fn words_that_only_differ_in_how_they_are_put_together_have_other_names(
            one in "[a-z]{1,3}(_[a-z]{1,3}){0,2}", two in "[a-z]{1,3}(_[a-z]{1,3}){0,2}",
        ) {
            let joined = format!("{one}_{two}");
            let (first, second) = joined.split_once('_').unwrap();
            prop_assume!((first, second) != (one.as_str(), two.as_str()));
            for rule in RULES {
                prop_assert_ne!(rule.name("org", &["dev", &one, &two]), rule.name("org", &["dev", first, second]));
            }
        }
    }
}

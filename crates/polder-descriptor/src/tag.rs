//! Tags as each provider takes them: what may be in their names and values, as data, and what becomes of what may not.
//!
//! What a mesh tags with is written once and made at every provider. A name is made fit for each; two that would be one somewhere are a
//! fault. Begin with [`name`] and [`value`].

use polder_model::Provider;

/// What polder tags everything with: a domain's things with the last two, too.
pub const OWN: [&str; 6] = ["organization", "environment", "department", "managed_by", "domain", "owner"];

type Known = fn(char) -> bool;

/// What a provider takes of tags.
pub(crate) struct Rule {
    /// How many there may be besides [`OWN`].
    pub(crate) most: usize,
    /// What no name may begin with: these are the provider's.
    pub(crate) reserved: &'static [&'static str],
    /// Where the provider says so.
    pub(crate) source: &'static str,
    /// How long a name and a value may be, in characters.
    longest: (usize, usize),
    /// Whether a character may be in a name, and in a value.
    known: (Known, Known),
    /// What stands in the place of one that may not.
    instead: char,
    /// What is put before a name that begins as none may.
    before: &'static str,
}

pub(crate) const fn rule(provider: Provider) -> Rule {
    match provider {
        // The strictest of what is tagged alike: names of storage accounts' tags have 128 characters, and private DNS zones take neither
        // spaces nor other signs in them, no digit in front, and 15 tags, of which four are polder's.
        Provider::Azure => Rule {
            most: 11,
            reserved: &["azure", "microsoft", "windows"],
            source: "learn.microsoft.com/azure/azure-resource-manager/management/tag-resources",
            longest: (128, 256),
            known: (|c| c.is_ascii_alphanumeric() || "_-.".contains(c), |_| true),
            instead: '_',
            before: "tag_",
        },
        // Of 50 six are polder's, and one is the `Name` of what is seen by it.
        Provider::Aws => Rule {
            most: 43,
            reserved: &["aws:"],
            source: "docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html",
            longest: (128, 256),
            known: (is_of_aws, is_of_aws),
            instead: '_',
            before: "",
        },
        // Labels: 64, of which six are polder's.
        Provider::Gcp => Rule {
            most: 58,
            reserved: &[],
            source: "cloud.google.com/resource-manager/docs/best-practices-labels",
            longest: (63, 63),
            known: (is_of_labels, is_of_labels),
            instead: '-',
            before: "tag-",
        },
    }
}

fn is_of_aws(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c)
}

fn is_of_labels(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-'
}

/// The name of a tag at a provider.
#[must_use]
pub fn name(provider: Provider, text: &str) -> String {
    let Rule { longest, known, instead, before, .. } = rule(provider);
    let fit = fitted(provider, text, longest.0, known.0, instead);
    let begins = match provider {
        Provider::Azure => !fit.starts_with(|c: char| c.is_ascii_digit()),
        Provider::Aws => true,
        Provider::Gcp => fit.starts_with(|c: char| c.is_ascii_lowercase()),
    };
    if begins { fit } else { before.chars().chain(fit.chars()).take(longest.0).collect() }
}

/// The value of a tag at a provider.
#[must_use]
pub fn value(provider: Provider, text: &str) -> String {
    let Rule { longest, known, instead, .. } = rule(provider);
    fitted(provider, text, longest.1, known.1, instead)
}

fn fitted(provider: Provider, text: &str, longest: usize, known: Known, instead: char) -> String {
    let cased = |c: char| if provider == Provider::Gcp { c.to_ascii_lowercase() } else { c };
    text.chars().map(cased).map(|c| if known(c) { c } else { instead }).take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_of_characters_that_a_provider_takes() {
        let check = |provider, text: &str, expect: (&str, &str)| {
            assert_eq!((name(provider, text).as_str(), value(provider, text).as_str()), expect, "{provider}: {text}");
        };
        check(Provider::Azure, "Cost%Center: a/b", ("Cost_Center__a_b", "Cost%Center: a/b"));
        check(Provider::Azure, "7 days", ("tag_7_days", "7 days"));
        check(Provider::Aws, "Bet %{x} & Co: a/b", ("Bet __x_ _ Co: a/b", "Bet __x_ _ Co: a/b"));
        check(Provider::Aws, "é", ("é", "é"));
        check(Provider::Gcp, "Bet %{x} Co", ("bet---x--co", "bet---x--co"));
        check(Provider::Gcp, "7 days", ("tag-7-days", "7-days"));
        let lengths =
            |provider| (name(provider, &"é".repeat(300)).chars().count(), value(provider, &"é".repeat(300)).chars().count());
        assert_eq!(Provider::ALL.map(lengths), Provider::ALL.map(|provider| rule(provider).longest));
    }

    #[test]
    fn polders_own_are_the_same_everywhere() {
        for own in OWN {
            assert!(Provider::ALL.into_iter().all(|provider| name(provider, own) == own), "{own}");
        }
    }
}

//! Names as types. A name is checked once, where it enters, and is safe everywhere after: it is never empty, never
//! longer than its limit, and holds no separator, quote, control character or path component.
//!
//! Names are case-insensitive, as Unity Catalog's are: they are kept in lower case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::lower_case;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text has no characters.
    #[error("a {what} may not be empty")]
    Empty {
        /// What the name would have named.
        what: &'static str,
    },
    /// The text has more characters than the name's limit.
    #[error("a {what} has at most {limit} characters, this one has {length}")]
    TooLong {
        /// What the name would have named.
        what: &'static str,
        /// Characters in the text.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// The text has a character that the name's alphabet lacks.
    #[error("a {what} may not contain {character:?}: use {alphabet}")]
    Character {
        /// What the name would have named.
        what: &'static str,
        /// The first character that is not allowed.
        character: char,
        /// The alphabet, in words.
        alphabet: &'static str,
    },
    /// The text begins with a character that may only come later.
    #[error("a {what} begins with a letter, not {character:?}")]
    Start {
        /// What the name would have named.
        what: &'static str,
        /// The first character.
        character: char,
    },
}

/// What a kind of name may look like.
struct Rule {
    what: &'static str,
    limit: usize,
    alphabet: &'static str,
    allowed: fn(char) -> bool,
    start: fn(char) -> bool,
}

fn check(text: &str, rule: &Rule) -> Result<Box<str>, NameError> {
    let what = rule.what;
    let Some(first) = text.chars().next() else {
        return Err(NameError::Empty { what });
    };
    if let Some(character) = text.chars().find(|&c| !(rule.allowed)(c)) {
        return Err(NameError::Character { what, character, alphabet: rule.alphabet });
    }
    // Every allowed character is ASCII, so bytes are characters from here on.
    if text.len() > rule.limit {
        return Err(NameError::TooLong { what, length: text.len(), limit: rule.limit });
    }
    if !(rule.start)(first) {
        return Err(NameError::Start { what, character: first });
    }
    Ok(text.to_ascii_lowercase().into_boxed_str())
}

const fn is_identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
const fn is_label(c: char) -> bool {
    is_identifier(c) || c == '-'
}
const fn is_principal(c: char) -> bool {
    is_label(c) || matches!(c, '.' | '@' | '+')
}
const fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
}
const fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $limit:literal, $alphabet:literal, $allowed:ident, $start:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads a name; upper case becomes lower case.
            ///
            /// # Errors
            /// A [`NameError`] that says which rule the text breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text, &Rule { what: $what, limit: $limit, alphabet: $alphabet, allowed: $allowed, start: $start }).map(Self)
            }

            /// The name, in lower case.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into()
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// A tenant: an isolated identity and control plane.
    TenantName: "tenant name", 40, "letters, digits, '_' and '-'", is_label, is_letter;
    /// An environment, such as `dev`.
    EnvironmentName: "environment name", 20, "letters, digits, '_' and '-'", is_label, is_letter;
    /// A department: a line of business.
    DepartmentName: "department name", 60, "letters, digits, '_' and '-'", is_label, is_letter;
    /// A domain; also the name of its catalog.
    DomainName: "domain name", 60, "letters, digits and '_'", is_identifier, is_letter;
    /// A schema, which for datasets is the layer: `bronze`, `silver`, `gold`.
    SchemaName: "schema name", 60, "letters, digits and '_'", is_identifier, is_letter;
    /// A dataset's entity name, or the last part of a table's, view's or volume's name.
    ObjectName: "dataset name", 120, "letters, digits and '_'", is_identifier, is_letter;
    /// A job, unique in its domain.
    JobName: "job name", 120, "letters, digits, '_' and '-'", is_label, is_letter;
    /// A bucket as declared; the environment is put before it where it is created.
    BucketName: "bucket name", 63, "letters, digits, '_' and '-'", is_label, is_alphanumeric;
    /// A user, service principal or group. One namespace holds all three.
    PrincipalName: "principal name", 120, "letters, digits and any of _ - . @ +", is_principal, is_alphanumeric;
    /// A guardrail: the file name of a Cedar policy, without its ending.
    PolicyName: "policy name", 120, "letters, digits, '_' and '-'", is_label, is_letter;
}

impl PrincipalName {
    /// Makes a name of what an identity provider calls a user or group. What is a name already stays it, in lower case; otherwise
    /// each run of other ASCII characters is one '-', and every character beyond ASCII is `u` and its number, so that two names
    /// that differ in it stay two.
    ///
    /// ```
    /// # use polder_model::PrincipalName;
    /// assert_eq!(PrincipalName::from_text("Data Engineers (NL)")?.as_str(), "data-engineers-nl");
    /// assert_eq!(PrincipalName::from_text("Ünal@Contoso.com")?.as_str(), "ufc-nal@contoso.com");
    /// # Ok::<(), polder_model::NameError>(())
    /// ```
    ///
    /// # Errors
    /// When nothing is left, or what is left is too long or begins with another character than a letter or digit.
    pub fn from_text(text: &str) -> Result<Self, NameError> {
        if let Ok(name) = Self::new(text) {
            return Ok(name);
        }
        let mut name = String::with_capacity(text.len());
        let mut divided = true;
        for c in lower_case(text).chars() {
            if is_principal(c) && c != '-' {
                name.push(c);
                divided = false;
                continue;
            }
            if !divided {
                name.push('-');
            }
            divided = true;
            if !c.is_ascii() {
                name.push_str(&format!("u{:x}-", u32::from(c)));
            }
        }
        Self::new(name.trim_end_matches('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identity_providers_call_people_becomes_a_name() {
        let check = |text: &str, expect: &str| assert_eq!(PrincipalName::from_text(text).unwrap().as_str(), expect, "{text:?}");
        check("Ana.B+x@Contoso.com", "ana.b+x@contoso.com");
        check("  Data   Engineers / NL  ", "data-engineers-nl");
        check("A--b-", "a--b-");
        check("a--b c", "a-b-c");
        check("名前", "u540d-u524d");
        check("ÜNAL", "ufc-nal");
        check("ünal", "ufc-nal");
        check("u\u{308}nal", "u-u308-nal");
        check("x\u{202e}y\0z", "x-u202e-y-z");
        check("\u{212a}im", "u212a-im");
        check("'; drop table users; --", "drop-table-users");
        for text in ["", "   ", "---", "../../etc", "'\"", "_x", "@home", &"名".repeat(60), &"x".repeat(121)] {
            assert!(PrincipalName::from_text(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_kept_in_lower_case() {
        assert_eq!(DomainName::new("Finance").unwrap().as_str(), "finance");
    }

    #[test]
    fn hostile_names_are_refused() {
        for text in ["", "../etc", "a/b", "a\0b", "a'b", "a\"b", "a b", "名前", "1st", "_x", "a.b", &"x".repeat(300)] {
            assert!(DomainName::new(text).is_err(), "{text:?}");
        }
        for text in ["", "..", ".hidden", "a/b", "a\nb", "ünal@x.nl", "'; drop table x"] {
            assert!(PrincipalName::new(text).is_err(), "{text:?}");
        }
        assert!(PrincipalName::new("ana.b+x@contoso.com").is_ok());
    }

    #[test]
    fn a_name_reads_back_from_json() {
        let name: DomainName = serde_json::from_str("\"Finance\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"finance\"");
        assert!(serde_json::from_str::<DomainName>("\"a/b\"").is_err());
    }
}

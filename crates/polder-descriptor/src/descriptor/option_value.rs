//! What the values of some options of stores may be: as the library that speaks to the stores reads them, which would refuse any other only
//! when a store is opened.

use polder_model::store_option::ACCOUNT;

/// What a value may be.
enum Form {
    /// A span of time.
    Span,
    /// A whole number, from one to another.
    Number(u64, u64),
    /// One of a few words, which are as they are.
    Word(&'static [&'static str]),
    /// What may stand in a header of HTTP.
    Header,
    /// Where a proxy is.
    Proxy,
    /// A certificate as PEM has it.
    Certificate,
    /// The name of a storage account.
    Account,
}

/// By the names of [`polder_model::store_option`].
const FORMS: &[(&str, Form)] = &[
    ("connect_timeout", Form::Span),
    ("timeout", Form::Span),
    ("pool_idle_timeout", Form::Span),
    ("http2_keep_alive_interval", Form::Span),
    ("http2_keep_alive_timeout", Form::Span),
    ("pool_max_idle_per_host", Form::Number(0, u32::MAX as u64)),
    // RFC 9113, section 6.5.2.
    ("http2_max_frame_size", Form::Number(16_384, 16_777_215)),
    ("user_agent", Form::Header),
    ("default_content_type", Form::Header),
    ("sse_kms_key_id", Form::Header),
    ("proxy_url", Form::Proxy),
    ("proxy_ca_certificate", Form::Certificate),
    ("checksum_algorithm", Form::Word(&["sha256", "SHA256"])),
    ("server_side_encryption", Form::Word(&["AES256", "aws:kms", "aws:kms:dsse", "sse-c"])),
    // learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    (ACCOUNT, Form::Account),
];

/// What an option's value would have to be, and what to write, where it is something else.
pub(super) fn misfit(option: &str, value: &str) -> Option<(String, String)> {
    let (_, form) = FORMS.iter().find(|(name, _)| *name == option)?;
    (!form.fits(value)).then(|| form.told())
}

impl Form {
    fn fits(&self, value: &str) -> bool {
        match self {
            // As the library of stores reads them.
            Self::Span => humantime::parse_duration(value).is_ok(),
            Self::Number(least, most) => value.parse::<u64>().is_ok_and(|number| (*least..=*most).contains(&number)),
            Self::Word(words) => words.contains(&value),
            Self::Header => !value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            Self::Proxy => {
                let (scheme, at) = value.split_once("://").unwrap_or(("http", value));
                let known = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"].contains(&scheme);
                known && !at.is_empty() && !at.starts_with('/') && !at.contains(char::is_whitespace)
            }
            Self::Certificate => value.contains("-----BEGIN CERTIFICATE-----"),
            Self::Account => {
                (3..=24).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            }
        }
    }

    fn told(&self) -> (String, String) {
        let (what, write) = match self {
            Self::Span => ("a span of time", "write numbers with their units, such as 30s or 1m 30s"),
            Self::Number(least, most) => {
                return (format!("a whole number from {least} to {most}"), "write one of these, in digits only".to_owned());
            }
            Self::Word(words) => return ("a word that the store knows".to_owned(), format!("write one of {}", words.join(", "))),
            Self::Header => ("a text of ASCII on one line", "write letters, digits and signs of ASCII"),
            Self::Proxy => ("the address of a proxy", "write it as http://name:port"),
            Self::Certificate => {
                ("a certificate, and not where one is", "write the text that begins with -----BEGIN CERTIFICATE-----")
            }
            Self::Account => {
                ("a storage account's name", "write its 3 to 24 lower case letters and digits, without the rest of its address")
            }
        };
        (what.to_owned(), write.to_owned())
    }
}

//! Names of the mesh as names in a bundle, and words of the mesh that cannot be anything but words.

use polder_model::{DomainName, TableName};

/// The key of the job that runs all others.
pub(crate) const RUN_ALL: &str = "polder_run_all";

/// A name of the mesh as a key that references can name: letters and digits with single `_` and `-` between them. Other names get other keys.
pub(crate) fn label(name: &str) -> String {
    let divided = |pair: &[u8]| !pair[0].is_ascii_alphanumeric() && !pair[1].is_ascii_alphanumeric();
    let bytes = name.as_bytes();
    let plain = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && !bytes.windows(2).any(divided);
    if plain && !name.starts_with("n_") && name != RUN_ALL {
        name.to_owned()
    } else {
        format!("n_{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

/// The variable that holds a service principal's number.
pub(crate) fn application_id(program: &str) -> String {
    format!("application_id_{}", label(program))
}

/// A reference to that variable.
pub(crate) fn application_id_of(program: &str) -> String {
    format!("${{var.{}}}", application_id(program))
}

/// A text of somebody's as a bundle reads it: what would begin a reference is written so that it is none. Not every version of the CLI knows
/// a sign that does that, so that a space does.
pub(crate) fn words(text: &str) -> String {
    text.replace("${", "$ {")
}

/// A catalog's name: the environments of a tenant share a metastore.
pub(crate) fn catalog(domain: &DomainName) -> String {
    format!("${{bundle.target}}_{domain}")
}

/// A table's full name in whatever environment it is, as a query is told it.
pub(crate) fn full(name: &TableName) -> String {
    // Names are letters, digits and `_`, and that of an environment may have `-`.
    format!("`{}`.`{}`.`{}`", catalog(&name.catalog), name.schema, name.object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_can_be_named_and_are_of_one_name_each() {
        assert_eq!(label("daily_revenue-2"), "daily_revenue-2");
        for name in ["a__b", "a_", "n_61", "polder_run_all", "a.b@c", "7up"] {
            assert!(label(name).starts_with("n_") && label(name) != *name, "{name}");
        }
        assert_eq!(words("a ${var.x} $${y} $z"), "a $ {var.x} $$ {y} $z");
    }
}

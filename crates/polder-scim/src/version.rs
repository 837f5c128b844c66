//! Versions of resources as entity tags (RFC 7644, section 3.14).

use crate::error::ScimError;

/// A version as `meta.version` and the `ETag` header say it.
#[must_use]
pub fn version_tag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// Refuses a change that was made for another version than the one there is.
///
/// # Errors
/// Status 412 when none of the tags in the header is the version's.
pub fn if_match(header: Option<&str>, version: u64) -> Result<(), ScimError> {
    let Some(header) = header else { return Ok(()) };
    let version = version.to_string();
    let is_it = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == version;
    if header.split(',').map(str::trim).any(is_it) {
        return Ok(());
    }
    Err(ScimError::status(412, format!("the resource has changed: its version is W/\"{version}\"; read it again")))
}

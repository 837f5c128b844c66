//! Globs: whether a text is one. Nothing here finds a file.

/// Says what is wrong with a glob, if anything is.
pub(crate) fn problem(text: &str) -> Option<&'static str> {
    text.split('/').find_map(|part| match part {
        "**" => None,
        part if part.contains("**") => Some("** stands for whole folders: it is between two /"),
        part => open_set(part).then_some("a [ has no ] that ends it"),
    })
}

/// Whether a set of characters, `[a-c]` or `[!abc]`, has no end. A `]` that comes first is one of its characters.
fn open_set(mut part: &str) -> bool {
    while let Some((_, set)) = part.split_once('[') {
        let set = set.strip_prefix('!').unwrap_or(set);
        let mut characters = set.chars();
        if characters.next().is_none() {
            return true;
        }
        match characters.as_str().split_once(']') {
            Some((_, rest)) => part = rest,
            None => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn sets_end_and_two_stars_stand_alone() {
        for text in ["landing/*.csv", "**/x?.csv", "a/**", "[a-c][!x].csv", "[[]x[]].csv", "s3://bucket/**/[0-9].csv"] {
            assert_eq!(problem(text), None, "{text}");
        }
        for text in ["[.csv", "a[", "a[!", "a[]", "a**/b", "***"] {
            assert!(problem(text).is_some(), "{text}");
        }
    }
}

//! Words of the mesh in Markdown: whatever is in them, they stay words.

/// What begins something in Markdown or in HTML, wherever it stands in a line.
const MEANING: &str = "\\`*_{}[]<>()#+!|&~:@$^\"";

/// A text as it stands in a line or a cell of a table.
pub(crate) fn words(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.trim().chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            written.push(' ');
            continue;
        }
        // What begins like an address becomes a link by itself.
        let is_address = character == '.'
            && written.len().checked_sub(3).and_then(|at| written.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case("www"));
        if is_address || MEANING.contains(character) {
            written.push('\\');
        }
        written.push(character);
    }
    written
}

/// A condition or a name as code: between more backticks than are in it.
pub(crate) fn code(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A bar ends a cell of a table, in code too.
    let plain = plain.replace('|', "\\|");
    let longest = plain.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{plain}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(words("<b>x</b> | [y](z)\n# a"), "\\<b\\>x\\</b\\> \\| \\[y\\]\\(z\\) \\# a");
        assert_eq!(words("see https://x.y and WWW.z"), "see https\\://x.y and WWW\\.z");
        assert_eq!(words("ana@example.com"), "ana\\@example.com");
        assert_eq!(code("a = '`' | b"), "`` a = '`' \\| b ``");
    }
}

//! How large a policy is, counted in its text before it is parsed.
//!
//! Cedar follows what is nested with calls within calls, when it reads a policy, checks it and evaluates it, and sets no limit
//! before that. So what nests is counted first: brackets, `if`s, and chains such as `a && b && ...`.

/// How long a file of policies may be. A list of some thousand names fits in; checking takes longer the longer it is.
const MAX_BYTES: usize = 256 * 1024;
/// How deep brackets may nest.
const MAX_BRACKETS: usize = 50;
/// How many `if`s a statement may have.
const MAX_IFS: usize = 50;
/// How many operators a statement may have. A debug build manages twice as many on the stack that reading makes (see `deep`).
const MAX_OPERATORS: usize = 500;

/// What is too large, and where in the text.
#[derive(Debug)]
pub(super) struct TooLarge {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// What one statement holds so far.
#[derive(Default)]
struct Statement {
    /// The brackets that are open.
    open: Vec<u8>,
    ifs: usize,
    operators: usize,
}

/// Refuses a text that Cedar would not come to the end of.
pub(super) fn check(text: &str) -> Result<(), TooLarge> {
    if text.len() > MAX_BYTES {
        let message = format!("the policy has {} bytes, and at most {MAX_BYTES} are read", text.len());
        return Err(TooLarge { offset: 0, message, help: "split it into several files" });
    }
    let bytes = text.as_bytes();
    let mut statement = Statement::default();
    let (mut at, mut before) = (0, b';');
    while let Some(&byte) = bytes.get(at) {
        let end = at + token_length(&bytes[at..]);
        let token = &bytes[at..end];
        if !byte.is_ascii_whitespace() && !token.starts_with(b"//") {
            statement.count(token, before);
            statement.check(at)?;
            before = byte;
        }
        at = end;
    }
    Ok(())
}

/// The length of the token that a text begins with, a string or a comment being one. It need not be a token of Cedar's.
fn token_length(text: &[u8]) -> usize {
    let run = |belongs: fn(&u8) -> bool| text.iter().take_while(|byte| belongs(byte)).count();
    match text {
        [b'"', rest @ ..] => {
            let mut escaped = false;
            let end = rest.iter().position(|byte| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            end.map_or(text.len(), |end| end + 2)
        }
        [b'/', b'/', ..] => run(|byte| !matches!(byte, b'\n' | b'\r')),
        [b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => run(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
        [b'&', b'&', ..] | [b'|', b'|', ..] | [b'!', b'=', ..] => 2,
        _ => 1,
    }
}

impl Statement {
    /// Takes the next token, which comes after one that begins with `before`.
    fn count(&mut self, token: &[u8], before: u8) {
        match token {
            b";" if self.open.is_empty() => *self = Self::default(),
            b"(" | b"[" | b"{" => {
                // Each `when { ... }` is joined to those before it, and `a["b"]["c"]` is a chain.
                self.operators += usize::from(self.open.is_empty() && token == b"{");
                self.operators += usize::from(matches!(before, b')' | b']'));
                self.open.extend(token);
            }
            [closing @ (b')' | b']' | b'}')] => {
                // One that does not fit closes nothing, so that no text seems flatter than it is.
                let opening = if *closing == b')' { b'(' } else { closing - 2 };
                _ = self.open.pop_if(|open| *open == opening);
            }
            b"if" => self.ifs += 1,
            b"&&" | b"||" | b"!" | b"+" | b"-" | b"*" | b"/" | b"%" | b"." => self.operators += 1,
            _ => {}
        }
    }

    fn check(&self, offset: usize) -> Result<(), TooLarge> {
        let (what, help) = if self.open.len() > MAX_BRACKETS {
            (format!("brackets nest more than {MAX_BRACKETS} deep"), "take brackets out, or split the policy into several")
        } else if self.ifs > MAX_IFS {
            (format!("there are more than {MAX_IFS} ifs"), "split the policy into several")
        } else if self.operators > MAX_OPERATORS {
            let help = "compare one value with many by [...].contains(...), or split the policy into several";
            (format!("there are more than {MAX_OPERATORS} operators"), help)
        } else {
            return Ok(());
        };
        Err(TooLarge { offset, message: format!("this policy is too large: {what}"), help })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn holds(text: &str, expect: bool) {
        assert_eq!(check(text).is_ok(), expect, "{:.80}", text);
    }

    #[test]
    fn strings_and_comments_are_not_counted() {
        let brackets = "(".repeat(MAX_BRACKETS + 1);
        holds(&brackets, false);
        holds(&format!("\"{brackets}\""), true);
        holds(&format!("\"\\\"{brackets}\""), true);
        holds(&format!("\"\\\\\"{brackets}"), false);
        holds(&format!("// {brackets}"), true);
        holds(&format!("// a \" in a comment begins no string\n{brackets}"), false);
        holds(&format!("\"// no comment\" {brackets}"), false);
        holds(&"//+\n".repeat(MAX_OPERATORS + 1), true);
    }

    #[test]
    fn each_statement_is_counted_by_itself() {
        let statement = format!("{}{};", "(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS));
        holds(&statement.repeat(3), true);
        holds(&format!("{};", " if".repeat(MAX_IFS)).repeat(3), true);
        holds(&format!("{};", " if".repeat(MAX_IFS + 1)), false);
        holds(&format!("{};", "a && ".repeat(MAX_OPERATORS)).repeat(3), true);
        holds(&format!("({};)", "a && ".repeat(MAX_OPERATORS)).repeat(2), false);
        holds(&format!("{};", "a + ".repeat(MAX_OPERATORS + 1)), false);
    }

    #[test]
    fn what_does_not_fit_closes_nothing() {
        holds(&"(]".repeat(MAX_BRACKETS + 1), false);
        holds(&"){".repeat(MAX_BRACKETS + 1), false);
        holds(&"()[]{}".repeat(MAX_BRACKETS + 1), true);
    }

    #[test]
    fn chains_without_operators_are_counted() {
        holds(&format!("a{}", "[\"b\"]".repeat(MAX_OPERATORS + 1)), true);
        holds(&format!("a{}", "[\"b\"]".repeat(MAX_OPERATORS + 2)), false);
        holds(&" when { true }".repeat(MAX_OPERATORS + 1), false);
        holds(&" !=".repeat(MAX_OPERATORS + 1), true);
    }

    #[test]
    fn a_long_list_is_not_too_large() {
        let names = vec!["Polder::User::\"ana@contoso.com\""; 5_000].join(", ");
        holds(&format!("forbid(principal, action, resource) when {{ [{names}].contains(principal) }};"), true);
        holds(&"a".repeat(MAX_BYTES + 1), false);
    }
}

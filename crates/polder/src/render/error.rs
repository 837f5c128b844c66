//! Shows the error that a command ends with, on stderr: what, why (the whole chain, once), and what to do.

use owo_colors::OwoColorize;

use crate::client::Refused;
use crate::context::{self, Context};
use crate::failure;
use crate::render::{faults, plain};

/// Shows the error, its causes and its hint; descriptors' faults come first, each at its place.
pub(crate) fn show(error: &anyhow::Error, context: &Context) {
    let own = |cause: &(dyn std::error::Error + 'static)| Some(cause.downcast_ref::<polder_platform::Error>()?.faults().to_vec());
    let refused = |cause: &(dyn std::error::Error + 'static)| Some(cause.downcast_ref::<Refused>()?.faults());
    let faults = error.chain().find_map(|cause| own(cause).or_else(|| refused(cause)));
    faults::tell(&faults.unwrap_or_default(), context);
    context::say_exact(&describe(error, context.color_err));
}

/// The error, its causes and its hint, a line each; others' words in it are plain, and stand below the line that they begin in.
pub(crate) fn describe(error: &anyhow::Error, color: bool) -> String {
    let mut causes = failure::causes(error).into_iter();
    let mut lines = Vec::new();
    if let Some(first) = causes.next() {
        let word = if color { "error:".red().bold().to_string() } else { "error:".to_owned() };
        lines.push(format!("{word} {}", plain::hanging(&first)));
    }
    lines.extend(causes.map(|cause| format!("  because: {}", plain::hanging(&cause))));
    if let Some(hint) = failure::hint_of(error) {
        let word = if color { "hint:".cyan().bold().to_string() } else { "hint:".to_owned() };
        lines.push(format!("  {word} {}", plain::hanging(hint)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::describe;
    use crate::failure::{Exit, Failure};

    #[test]
    fn an_error_says_what_why_and_what_to_do() {
        let error =
            anyhow::Error::new(Failure::new(Exit::Conflict, "another apply holds the lock", "wait, or see `polder runs`"))
                .context("cannot apply");
        let expect = "error: cannot apply\n  because: another apply holds the lock\n  hint: wait, or see `polder runs`";
        assert_eq!(describe(&error, false), expect);
    }

    #[test]
    fn the_words_of_others_are_not_taken_for_ours() {
        let cause = anyhow::anyhow!("there is no \u{1b}[31mno\nerror: no").context("a\rb");
        let error = anyhow::Error::new(Failure::new(Exit::Failed, "cannot", "try\u{202e}").because(cause));
        let expect = "error: cannot\n  because: a\\rb\n  because: there is no \\u{1b}[31mno\n    error: no\n  hint: try\\u{202e}";
        assert_eq!(describe(&error, false), expect);
        let colored = describe(&error, true);
        assert!(colored.starts_with("\u{1b}[") && !colored.contains("\u{1b}[31mno"), "{colored:?}");
    }
}

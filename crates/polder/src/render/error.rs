//! Shows the error that a command ends with, on stderr: what, why (the whole chain, once), and what to do.

use owo_colors::OwoColorize;

use crate::client::Refused;
use crate::context::{Context, say};
use crate::failure;
use crate::render::faults;

/// Shows the error, its causes and its hint; descriptors' faults come first, each at its place.
pub(crate) fn show(error: &anyhow::Error, context: &Context) {
    let own = |cause: &(dyn std::error::Error + 'static)| Some(cause.downcast_ref::<polder_platform::Error>()?.faults().to_vec());
    let refused = |cause: &(dyn std::error::Error + 'static)| Some(cause.downcast_ref::<Refused>()?.faults());
    let faults = error.chain().find_map(|cause| own(cause).or_else(|| refused(cause)));
    faults::tell(&faults.unwrap_or_default(), context);
    say(describe(error, context.color_err));
}

/// The error, its causes and its hint, a line each.
pub(crate) fn describe(error: &anyhow::Error, color: bool) -> String {
    let mut causes = failure::causes(error).into_iter();
    let mut lines = Vec::new();
    if let Some(first) = causes.next() {
        let word = if color { "error:".red().bold().to_string() } else { "error:".to_owned() };
        lines.push(format!("{word} {first}"));
    }
    lines.extend(causes.map(|cause| format!("  because: {cause}")));
    if let Some(hint) = failure::hint_of(error) {
        let word = if color { "hint:".cyan().bold().to_string() } else { "hint:".to_owned() };
        lines.push(format!("  {word} {hint}"));
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
}

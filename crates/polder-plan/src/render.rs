//! Shows a plan to people, as pure functions. JSON is the plan's own serialization.

mod domains;
mod markdown;
mod page;
mod text;

pub use markdown::{CapacityChange, Lost, cell, code, mark, markdown};
pub use text::{Style, text};

use polder_model::text::{escaped, steers};

use crate::change::Change;

/// The changes that carry a heading's actions, for each heading that has any.
fn groups(changes: &[Change]) -> impl Iterator<Item = (&'static str, Vec<&Change>)> {
    use crate::change::Action::{Create, Delete, Forget, Replace, Update};
    let headings: [(&str, &[_]); 4] =
        [("Create", &[Create]), ("Update", &[Update]), ("Replace", &[Replace]), ("Delete", &[Delete, Forget])];
    headings.into_iter().filter_map(|(heading, actions)| {
        let members: Vec<_> = changes.iter().filter(|change| actions.contains(&change.action)).collect();
        (!members.is_empty()).then_some((heading, members))
    })
}

/// A text from a descriptor in one line that no terminal or page takes for anything but text: control characters, line
/// separators and marks that turn the direction of writing are shown escaped.
fn one_line(text: &str) -> String {
    escaped(text, |c| !steers(c)).into_owned()
}

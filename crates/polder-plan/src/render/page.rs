//! A page of Markdown that stays below the length that comments may have.

use std::fmt::{Display, Write as _};

/// The longest page, in bytes. GitHub takes 65,536 characters for a comment, others take more.
const LONGEST: usize = 60_000;

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Writes a line of our own, which is short.
    pub(super) fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// Writes the first of the items, each of whole lines, that there is room for, and how many more there are.
    pub(super) fn list(&mut self, items: impl ExactSizeIterator<Item = String>, most: usize) {
        let all = items.len();
        let mut written = 0;
        for item in items.take(most) {
            if self.text.len() + item.len() > LONGEST {
                break;
            }
            self.text.push_str(&item);
            written += 1;
        }
        if written < all {
            self.line(format_args!("\nand {} more, which `polder plan` shows", all - written));
        }
    }

    /// The page, with its last line.
    pub(super) fn finish(mut self, line: impl Display) -> String {
        self.line(line);
        self.text
    }
}

//! What a plan would lose, for people: how much, who has read it, with whom it is shared.

use polder_api::{Loss, Reader};
use polder_plan::render::Lost;

use crate::render::listing::Listing;
use crate::render::units;

/// How many readers are named.
const NAMED: usize = 3;

/// A table of what is lost, what is planned first. Nothing where nothing is.
pub(crate) fn text(losses: &[Loss]) -> String {
    let mut text = String::new();
    for (planned, heading) in [(true, "What this destroys"), (false, "What would be destroyed if it were allowed to")] {
        let mut listing = Listing::new(["what", "rows>", "size>", "last written", "read within 90 days by", "shared with"]);
        for loss in losses.iter().filter(|loss| loss.planned == planned) {
            let Lost { address, rows, size, changed, readers, shared_with, .. } = in_words(loss);
            listing.row([address, rows, size, changed, readers, shared_with]);
        }
        if !listing.is_empty() {
            text.push_str(&format!("\n{heading}:\n{}", listing.text()));
        }
    }
    text
}

/// What is lost, as people read it.
pub(crate) fn in_words(loss: &Loss) -> Lost {
    Lost {
        address: loss.address.clone(),
        planned: loss.planned,
        rows: loss.rows.map(units::count).unwrap_or_default(),
        size: loss.bytes.map(units::bytes).unwrap_or_default(),
        changed: loss.changed.map(|at| at.date_naive().to_string()).unwrap_or_default(),
        readers: readers(&loss.readers),
        shared_with: loss.shared_with.join(", "),
    }
}

fn readers(readers: &[Reader]) -> String {
    let named = readers.iter().take(NAMED).map(|reader| format!("{} ({})", reader.principal, reader.last.date_naive()));
    let mut words: Vec<String> = named.collect();
    if readers.len() > NAMED {
        words.push(format!("{} more", units::count((readers.len() - NAMED) as u64)));
    }
    words.join(", ")
}

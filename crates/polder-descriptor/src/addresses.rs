//! `addresses.yaml`: the address space that landing zones were given. Polder writes it, and it is kept with the mesh, so that what was given
//! out is seen in review, is the same for every tenant, and never moves.
//!
//! ```yaml
//! prod/trading/azure#1: 10.0.0.0/23
//! prod/trading/azure/odds/host: 10.0.0.0/26
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use ipnet::Ipv4Net;

use crate::fault::{Fault, Severity, Span};
use crate::reader::Reader;
use crate::yaml::Node;

/// The file's path in the mesh's folder.
pub const ADDRESSES_FILE: &str = "addresses.yaml";

/// What was given out, by what for, and where that is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct GivenAddresses {
    pub(crate) blocks: BTreeMap<String, Ipv4Net>,
    pub(crate) spans: BTreeMap<String, Span>,
}

impl GivenAddresses {
    /// Reads the file's tree.
    pub(crate) fn read(file: &Arc<str>, tree: &Node) -> (Self, Vec<Fault>) {
        let mut r = Reader::new(file, Severity::Error);
        let mut given = Self::default();
        if !tree.is_null() {
            for entry in r.entries(tree, "the file of addresses") {
                if entry.key.split(['/', '#']).count() < 4 {
                    let message = format!("'{}' is nothing that has addresses", entry.key);
                    let fault = r.error(entry.span, "unknown-key", &entry.key, message);
                    fault.help = Some("polder writes this file: `polder zones --allocate`".to_owned());
                } else if let Some(block) = r.parsed::<Ipv4Net>(&entry.value, format_args!("'{}'", entry.key)) {
                    given.spans.insert(entry.key.to_string(), entry.span);
                    given.blocks.insert(entry.key.to_string(), block.value);
                }
            }
        }
        (given, r.faults)
    }
}

/// Writes the file: a line each, so that what two branches give out is merged like any other text.
#[must_use]
pub fn addresses_file(blocks: &BTreeMap<String, Ipv4Net>) -> String {
    let mut text =
        "# The address space of landing zones, as `polder zones --allocate` gave it out. What is in it stays where it is;\n\
                    # a line may be removed once what it is for is destroyed.\n"
            .to_owned();
    for (key, block) in blocks {
        // Writing to a string cannot fail. Keys are names and hold nothing that YAML gives a meaning to.
        let _ = writeln!(text, "{key}: {block}");
    }
    text
}

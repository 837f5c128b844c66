//! Hot storage: the rows of a table at one version, in memory and found by key, with copies on the local disk from which they are there
//! again after a restart.
//!
//! Owns the form of what is kept, and finding rows in it. Never reads a table's files, and never decides who may see what: rows are given
//! for a [`Permit`](polder_access::Permit) and are raw, and whoever asks for them puts masks and row filters before them. Begin with
//! [`HotIndex`].
//!
//! ```text
//!  a table's version:   file a        file b        file c            the lake
//!                         |             |             |
//!                      Segment a     Segment b     Segment c          a file each in a HotFolder: written once, renamed into place
//!                         +-------------+-------------+
//!                                   HotIndex                          in memory: rows, and their order by key
//! ```
//!
//! The next version shares the segments of all files that it still has, so that keeping up costs what was written. A segment's name says
//! what it was made of: one that is there and whole is right, whoever made it and whenever.

mod error;
mod folder;
mod index;
mod key;
mod part;
mod segment;

pub use error::{Error, Result};
pub use folder::HotFolder;
pub use index::{Found, HotIndex, Most};
pub use key::Key;
pub use segment::{Segment, SegmentId, SegmentWriter};

/// The fault points that a segment passes, in this order (see [`polder_model::fault`]).
pub const FAULT_POINTS: [&str; 3] = ["hot.segment.begin", "hot.segment.written", "hot.segment.renamed"];

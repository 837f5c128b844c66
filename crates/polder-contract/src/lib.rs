//! What a mesh agrees with others, in the open forms that others read: data contracts of datasets (Open Data Contract Standard 3.1) and
//! back, and agreements of who may read what (Data Usage Agreement 0.0.1, with a page for people).
//!
//! Pure: from the desired state to files' texts, and from a contract's text to descriptors. Words of the mesh are never anything but words in
//! what is written. Begin with [`contract::export`], [`import::import`] and [`agreements::export`].

pub mod agreements;
pub mod contract;
pub mod import;
mod markdown;
mod offered;
mod quality;
mod readers;
mod types;

pub use agreements::Agreements;
pub use contract::Contract;
pub use import::{Destination, Imported};

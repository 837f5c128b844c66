//! Places: what kind of descriptor a file is, told by where it is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use polder_model::{DomainName, PolicyName};
use serde::{Deserialize, Serialize};

use crate::addresses::ADDRESSES_FILE;
use crate::fault::{Fault, Span};
use crate::reader::{Problem, Written};
use crate::suggest;

/// The kinds of YAML descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DescriptorKind {
    /// `polder.yaml`
    Polder,
    /// `domains/<domain>/domain.yaml`
    Domain,
    /// `domains/<domain>/datasets/*.yaml`
    Dataset,
    /// `domains/<domain>/jobs/*.yaml`
    Job,
    /// `domains/<domain>/shares/*.yaml`
    Share,
    /// `domains/<domain>/connections/*.yaml`
    Connection,
    /// `access/*.yaml`
    Access,
}

impl DescriptorKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Polder, Self::Domain, Self::Dataset, Self::Job, Self::Share, Self::Connection, Self::Access];

    /// The kind's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polder => "polder",
            Self::Domain => "domain",
            Self::Dataset => "dataset",
            Self::Job => "job",
            Self::Share => "share",
            Self::Connection => "connection",
            Self::Access => "access",
        }
    }
}

impl fmt::Display for DescriptorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no kind of descriptor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no descriptor {0:?}: use polder, domain, dataset, job, share, connection or access")]
pub struct DescriptorKindError(String);

impl FromStr for DescriptorKind {
    type Err = DescriptorKindError;
    fn from_str(text: &str) -> Result<Self, DescriptorKindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| DescriptorKindError(text.to_owned()))
    }
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A descriptor of one kind, with its domain if it is below one.
    Descriptor(DescriptorKind, Option<DomainName>),
    /// A query, for the job or view beside it.
    Query,
    /// A Cedar guardrail.
    Policy(PolicyName),
    /// The address space of landing zones.
    Addresses,
    /// None of polder's.
    Other,
}

/// The folders below a domain's.
const FOLDERS: [(&str, DescriptorKind); 4] = [
    ("datasets", DescriptorKind::Dataset),
    ("jobs", DescriptorKind::Job),
    ("shares", DescriptorKind::Share),
    ("connections", DescriptorKind::Connection),
];

/// Tells what a file is.
///
/// # Errors
/// A fault when it looks like polder's and is where none belongs, or below a folder whose name is no name.
pub(crate) fn place(file: &Arc<str>) -> Result<Place, Box<Fault>> {
    let parts: Vec<&str> = file.split('/').collect();
    let (name, folders) = parts.split_last().unwrap_or((&"", &[]));
    if folders.iter().any(|folder| folder.starts_with('.') && *folder != "..") || name.starts_with('.') {
        return Ok(Place::Other);
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_yaml = matches!(ending, "yaml" | "yml");
    let descriptor = |kind, domain| Ok(Place::Descriptor(kind, domain));
    match *folders {
        [] if is_yaml && stem == "polder" => descriptor(DescriptorKind::Polder, None),
        [] if **file == *ADDRESSES_FILE => Ok(Place::Addresses),
        ["access"] if is_yaml => descriptor(DescriptorKind::Access, None),
        ["policies"] if ending == "cedar" => named(file, stem).map(Place::Policy),
        ["domains", domain] if is_yaml && stem == "domain" => descriptor(DescriptorKind::Domain, Some(named(file, domain)?)),
        ["domains", _, "datasets" | "jobs"] if ending == "sql" => Ok(Place::Query),
        ["domains", domain, folder] if is_yaml => match FOLDERS.iter().find(|(known, _)| *known == folder) {
            Some((_, kind)) => descriptor(*kind, Some(named(file, domain)?)),
            None => Err(misplaced(file, folders)),
        },
        _ if is_yaml || matches!(ending, "sql" | "cedar") => Err(misplaced(file, folders)),
        _ => Ok(Place::Other),
    }
}

fn named<T: Written>(file: &Arc<str>, text: &str) -> Result<T, Box<Fault>> {
    T::read(text).map_err(|Problem { code, message, help }| {
        let mut fault = Fault::error(file, Span::START, code, text, format!("{message}: the name is taken from the path"));
        fault.help = help.map(|help| format!("rename it: {help}"));
        Box::new(fault)
    })
}

fn misplaced(file: &Arc<str>, folders: &[&str]) -> Box<Fault> {
    let known = ["domains", "access", "policies", "datasets", "jobs", "shares", "connections"];
    let last = folders.last().copied().unwrap_or(file);
    let near = suggest::nearest(last, known).filter(|near| *near != last);
    let help = near.map_or_else(
        || "descriptors are in domains/<domain>/{datasets,jobs,shares,connections} and access, guardrails in policies".to_owned(),
        |near| format!("did you mean the folder '{near}'?"),
    );
    let message = "no descriptor belongs here, so this file is not read";
    Box::new(Fault::error(file, Span::START, "unknown-place", last, message).warning().help(help))
}

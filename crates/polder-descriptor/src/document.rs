//! Documents: one file's descriptor, read. Most say the same in every environment and are read once; a document with overrides
//! or variables keeps its tree and is read again for each.

use std::sync::Arc;

use polder_model::DomainName;

use crate::descriptor::access::{self, Grant};
use crate::descriptor::connection::Connection;
use crate::descriptor::dataset::Dataset;
use crate::descriptor::domain::Domain;
use crate::descriptor::job::Job;
use crate::descriptor::share::Share;
use crate::fault::{Fault, Severity};
use crate::merge::{self, OVERRIDES};
use crate::place::DescriptorKind;
use crate::reader::Reader;
use crate::variables::{self, Variables};
use crate::yaml::{Node, Value};

/// One file's descriptor.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) file: Arc<str>,
    pub(crate) kind: DescriptorKind,
    pub(crate) domain: Option<DomainName>,
    /// What it says where no environment says otherwise.
    pub(crate) body: Body,
    /// Its tree, if environments can change what it says.
    pub(crate) tree: Option<Node>,
}

/// What a descriptor says.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// A domain.
    Domain(Domain),
    /// A dataset.
    Dataset(Box<Dataset>),
    /// A job.
    Job(Box<Job>),
    /// A share.
    Share(Share),
    /// A connection.
    Connection(Box<Connection>),
    /// Grants.
    Access(Vec<Grant>),
    /// Too little to know what it is about: a fault that was reported, or a variable in its name that has no value yet.
    Unknown,
}

impl Document {
    /// Reads a document as it is where no environment says otherwise.
    pub(crate) fn read(file: &Arc<str>, kind: DescriptorKind, domain: Option<DomainName>, tree: Node) -> (Self, Vec<Fault>) {
        let changes = tree.get(OVERRIDES).is_some() || tree.any_text(&variables::mentions);
        let mut document = Self { file: file.clone(), kind, domain, body: Body::Unknown, tree: None };
        let mut faults = Vec::new();
        if changes {
            document.tree = Some(tree);
            faults.extend(document.check_overrides());
        } else {
            (document.body, faults) = document.decode(&tree);
        }
        (document, faults)
    }

    /// Reads it for an environment; `None` for what holds where no environment says otherwise.
    pub(crate) fn in_environment(&self, environment: Option<&str>, variables: &Variables<'_>) -> Option<(Body, Vec<Fault>)> {
        let tree = self.tree.as_ref()?;
        let mut tree = merge::in_environment(tree, environment);
        let mut faults = Vec::new();
        variables.resolve(&self.file, &mut tree, &mut faults);
        let (body, more) = self.decode(&tree);
        faults.extend(more);
        Some((body, faults))
    }

    fn decode(&self, tree: &Node) -> (Body, Vec<Fault>) {
        // The two given formats may carry what other tools know; ours may not.
        let given = matches!(self.kind, DescriptorKind::Dataset | DescriptorKind::Job);
        let mut r = Reader::new(&self.file, if given { Severity::Warning } else { Severity::Error });
        let body = match (self.kind, &self.domain) {
            (DescriptorKind::Domain, Some(domain)) => Domain::read(&mut r, tree, domain).map(Body::Domain),
            (DescriptorKind::Dataset, Some(domain)) => Dataset::read(&mut r, tree, domain).map(Box::new).map(Body::Dataset),
            (DescriptorKind::Job, Some(domain)) => Job::read(&mut r, tree, domain).map(Box::new).map(Body::Job),
            (DescriptorKind::Share, Some(domain)) => Share::read(&mut r, tree, domain).map(Body::Share),
            (DescriptorKind::Connection, Some(domain)) => {
                Connection::read(&mut r, tree, domain).map(Box::new).map(Body::Connection)
            }
            (DescriptorKind::Access, _) => access::read(&mut r, tree).map(Body::Access),
            _ => None,
        };
        (body.unwrap_or(Body::Unknown), r.faults)
    }

    /// What its overrides are: each environment with where it is named.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = (&str, crate::fault::Span)> {
        let entries = match self.tree.as_ref().and_then(|tree| tree.get(OVERRIDES)).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|entry| (&*entry.key, entry.span))
    }

    fn check_overrides(&self) -> Vec<Fault> {
        let mut r = Reader::new(&self.file, Severity::Error);
        if let Some(node) = self.tree.as_ref().and_then(|tree| tree.get(OVERRIDES)).filter(|node| !node.is_null()) {
            let entries = r.entries(node, "'environments'");
            for (at, entry) in entries.iter().enumerate() {
                // Case counts for nothing in an environment's name, and one of two would be passed over.
                if let Some(first) = entries[..at].iter().find(|first| first.key.eq_ignore_ascii_case(&entry.key)) {
                    let message = format!("what '{}' overrides is there already, on line {}", entry.key, first.span.line);
                    r.error(entry.span, "duplicate-key", &entry.key, message).help =
                        Some("write all of it in one place".to_owned());
                }
                if !entry.value.is_null() {
                    r.entries(&entry.value, "what an environment overrides");
                }
            }
        }
        r.faults
    }
}

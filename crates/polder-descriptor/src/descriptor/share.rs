//! `domains/<domain>/shares/*.yaml`: datasets offered to recipients outside.

use polder_model::share::Network;
use polder_model::{DatasetId, DomainName, ObjectName, PrincipalName};

use crate::descriptor::Reference;
use crate::reader::{Problem, Reader, Spanned, Written};
use crate::yaml::{Node, Value};

/// What a share says.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) domain: DomainName,
    pub(crate) name: Spanned<ObjectName>,
    pub(crate) description: String,
    pub(crate) datasets: Vec<Reference>,
    pub(crate) recipients: Vec<Recipient>,
}

/// Whom it is offered to.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) name: Spanned<PrincipalName>,
    /// From where it may ask; from anywhere where there are none.
    pub(crate) networks: Vec<Network>,
}

impl Share {
    /// Reads the file's tree. A dataset is the domain's own unless it says otherwise.
    pub(crate) fn read(r: &mut Reader<'_>, tree: &Node, folder: &DomainName) -> Option<Self> {
        let mut fields = r.fields(tree, "a share")?;
        let name = fields.required(r, "name", "name the share");
        let description = fields.words(r, "description");
        let datasets = match fields.require(r, "datasets", "list what is shared: datasets: [{name: customer, version: v1}]") {
            Some(node) => datasets(r, node, folder),
            None => Vec::new(),
        };
        let recipients = fields.items(r, "recipients").iter().filter_map(|item| recipient(r, item)).collect();
        fields.accept_map(r, crate::merge::OVERRIDES);
        fields.finish(r);
        Some(Self { domain: folder.clone(), name: name?, description, datasets, recipients })
    }
}

fn datasets(r: &mut Reader<'_>, node: &Node, folder: &DomainName) -> Vec<Reference> {
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        r.error(node.span, "no-dataset", "datasets", "the share offers nothing: 'datasets' names no dataset").help =
            Some("list what is shared: datasets: [{name: customer, version: v1}], or remove the share".to_owned());
    }
    r.items(node, "'datasets'", false).iter().filter_map(|item| dataset(r, item, folder)).collect()
}

fn dataset(r: &mut Reader<'_>, node: &Node, folder: &DomainName) -> Option<Reference> {
    let mut fields = r.fields(node, "a shared dataset")?;
    let domain = fields.parsed(r, "domain");
    let name = fields.required(r, "name", "name the dataset: its entityName");
    let version = fields.required(r, "version", "name the version of the dataset, such as v1");
    fields.finish(r);
    let (name, version) = (name?, version?.value);
    let domain = domain.unwrap_or_else(|| Spanned { value: folder.clone(), span: name.span });
    let value = DatasetId { domain: domain.value, name: name.value, version };
    Some(Reference { value, span: name.span, domain: domain.span })
}

/// A name, or a name with more about it.
fn recipient(r: &mut Reader<'_>, node: &Node) -> Option<Recipient> {
    if !matches!(node.value, Value::Map(_)) {
        let name = r.parsed(node, "each of 'recipients'")?;
        return Some(Recipient { name, networks: Vec::new() });
    }
    let mut fields = r.fields(node, "a recipient")?;
    let name = fields.required(r, "name", "name the recipient");
    let none = fields.raw("networks").filter(|entry| matches!(&entry.value.value, Value::List(items) if items.is_empty()));
    let none = none.map(|entry| entry.span);
    let networks: Vec<Spanned<Network>> = fields.list(r, "networks");
    if let Some(span) = none {
        r.error(span, "no-network", "networks", "no network is named, so that it would be read from everywhere").help =
            Some("name one, such as 203.0.113.0/24, or take 'networks' out where it may be read from everywhere".to_owned());
    }
    fields.finish(r);
    Some(Recipient { name: name?, networks: networks.into_iter().map(|network| network.value).collect() })
}

impl Written for Network {
    fn read(text: &str) -> Result<Self, Problem> {
        let help = || Some("write it as in 203.0.113.0/24 or 2001:db8::/32".to_owned());
        text.parse().map_err(|_| Problem { code: "invalid-network", message: format!("{text:?} is no network"), help: help() })
    }
}

//! `domains/<domain>/shares/*.yaml`: datasets offered to recipients outside.

use polder_model::{DatasetId, DomainName, ObjectName, PrincipalName};

use crate::descriptor::Reference;
use crate::reader::{Reader, Spanned};
use crate::yaml::Node;

/// What a share says.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) name: Spanned<ObjectName>,
    pub(crate) datasets: Vec<Reference>,
}

impl Share {
    /// Reads the file's tree. A dataset is the domain's own unless it says otherwise.
    pub(crate) fn read(r: &mut Reader<'_>, tree: &Node, folder: &DomainName) -> Option<Self> {
        let mut fields = r.fields(tree, "a share")?;
        let name = fields.required(r, "name", "name the share");
        fields.words(r, "description");
        let datasets = match fields.require(r, "datasets", "list what is shared: datasets: [{name: customer, version: v1}]") {
            Some(node) => r.items(node, "'datasets'", false).iter().filter_map(|item| dataset(r, item, folder)).collect(),
            None => Vec::new(),
        };
        fields.list::<PrincipalName>(r, "recipients");
        fields.accept_map(r, crate::merge::OVERRIDES);
        fields.finish(r);
        Some(Self { name: name?, datasets })
    }
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

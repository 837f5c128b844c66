//! `domains/<domain>/domain.yaml`: a team's area.

use polder_model::zone::Nodes;
use polder_model::{DepartmentName, DomainName, PrincipalName};

use crate::descriptor::zones;
use crate::fault::Span;
use crate::reader::{Reader, Spanned};
use crate::yaml::Node;

/// What a `domain.yaml` says.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub(crate) name: DomainName,
    pub(crate) span: Span,
    pub(crate) department: Option<Spanned<DepartmentName>>,
    pub(crate) owner: Option<Spanned<PrincipalName>>,
    pub(crate) description: String,
    pub(crate) service_principals: Vec<Spanned<PrincipalName>>,
    pub(crate) nodes: Nodes,
}

impl Domain {
    /// Reads the file's tree. The domain's name is its folder's.
    pub(crate) fn read(r: &mut Reader<'_>, tree: &Node, folder: &DomainName) -> Option<Self> {
        let mut fields = r.fields(tree, "a domain")?;
        let named = fields.parsed(r, "name");
        same_as_folder(r, named, folder);
        let domain = Self {
            name: folder.clone(),
            span: tree.span,
            department: fields.required(r, "department", "name one of the departments in polder.yaml"),
            owner: fields.required(r, "owner", "name the group that owns the domain"),
            description: fields.words(r, "description"),
            service_principals: fields.list(r, "servicePrincipals"),
            nodes: zones::nodes(r, &mut fields),
        };
        fields.accept_map(r, "budget");
        fields.accept_map(r, crate::merge::OVERRIDES);
        fields.finish(r);
        Some(domain)
    }
}

/// A descriptor that names its domain must name the one whose folder it is in.
pub(crate) fn same_as_folder(r: &mut Reader<'_>, named: Option<Spanned<DomainName>>, folder: &DomainName) {
    if let Some(named) = named.filter(|named| named.value != *folder) {
        let message = format!("this names the domain '{}', but the file is in the folder of '{folder}'", named.value);
        let help = format!("write '{folder}', or move the file to domains/{}", named.value);
        r.error(named.span, "domain-mismatch", named.value.as_str(), message).help = Some(help);
    }
}

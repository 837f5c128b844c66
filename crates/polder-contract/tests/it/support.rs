//! A small mesh to vary.

use polder_contract::{Contract, Destination, Imported, contract, import};
use polder_descriptor::{Fault, File, Mesh, parse};
use polder_model::{DatasetId, Desired};

pub(crate) const POLDER: &str = "\
organization: Contoso
tenants: [nonprod, production]
environments:
  - {name: dev, tenant: nonprod}
  - {name: prod, tenant: production, production: true}
departments: [retail]
providers: {aws: {region: eu-west-1}, azure: {region: westeurope}}
users: [ana@contoso.com]
groups:
  - {name: owners, members: [ana@contoso.com]}
  - {name: analysts}
  - {name: stewards}
servicePrincipals: [deployer]
";
pub(crate) const DOMAIN: &str = "department: retail\nowner: owners\nservicePrincipals: [finance_jobs]\n";
pub(crate) const FILE: &str = "domains/finance/datasets/customer.yaml";

pub(crate) fn mesh(changes: &[(&str, &str)]) -> (Mesh, Vec<Fault>) {
    let base = [("polder.yaml", POLDER), ("domains/finance/domain.yaml", DOMAIN)];
    let kept = base.iter().filter(|(path, _)| changes.iter().all(|(changed, _)| changed != path));
    let files = kept.chain(changes).map(|(path, text)| File { path: (*path).into(), bytes: text.as_bytes().to_vec() });
    parse(files.collect())
}

pub(crate) fn lowered(changes: &[(&str, &str)]) -> Vec<Desired> {
    let (mesh, faults) = mesh(changes);
    let errors: Vec<&Fault> = faults.iter().filter(|fault| fault.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{changes:#?}");
    mesh.environments().iter().map(|environment| mesh.lower(&environment.name, &|_| None).0).collect()
}

pub(crate) fn customer() -> DatasetId {
    "finance/customer/v1".parse().unwrap()
}

pub(crate) fn exported(changes: &[(&str, &str)]) -> Contract {
    let environments = lowered(changes);
    let url =
        |tenant: &polder_model::TenantName| (tenant.as_str() == "production").then(|| "https://polder.contoso.com".to_owned());
    let asked = contract::Asked { desired: &environments[0], environments: &environments, url: &url };
    contract::export(asked, &customer()).unwrap()
}

pub(crate) fn imported(text: &str) -> Result<Imported, Vec<Fault>> {
    let is_group = |name: &str| ["owners", "analysts", "stewards"].contains(&name);
    import::import("customer.odcs.yaml", text.as_bytes(), Destination { domain: None, is_group: &is_group })
}

//! Meshes as text, laid out and proved.

use polder_descriptor::{File, Mesh, parse};
use polder_model::Desired;
use polder_zones::addresses::Addresses;
use polder_zones::capacity::{Proof, prove};
use polder_zones::layout::{Asked, LandingZone, Workspace};

/// A mesh of a few files.
#[derive(Debug, Clone, Default)]
pub(crate) struct MeshText {
    /// What `polder.yaml` says besides tenants, environments and departments.
    pub(crate) settings: String,
    /// Each domain with its department and how many nodes it runs.
    pub(crate) domains: Vec<(String, String, u32)>,
    /// Other files, by path.
    pub(crate) files: Vec<(String, String)>,
}

impl MeshText {
    pub(crate) fn new(settings: &str, domains: &[(&str, &str, u32)]) -> Self {
        let domains = domains.iter().map(|(name, department, nodes)| ((*name).to_owned(), (*department).to_owned(), *nodes));
        Self { settings: settings.to_owned(), domains: domains.collect(), files: Vec::new() }
    }

    pub(crate) fn parsed(&self) -> (Mesh, Vec<Desired>) {
        let mut departments: Vec<&str> = self.domains.iter().map(|(_, department, _)| department.as_str()).collect();
        departments.sort_unstable();
        departments.dedup();
        let polder = format!(
            "organization: Betting\ntenants: [nonprod, production]\nenvironments:\n  - {{name: dev, tenant: nonprod}}\n  \
             - {{name: prod, tenant: production, production: true}}\ndepartments: [{}]\ngroups: [{{name: owners}}]\n{}\n",
            departments.join(", "),
            self.settings
        );
        let mut files = vec![("polder.yaml".to_owned(), polder)];
        for (name, department, nodes) in &self.domains {
            let text = format!("department: {department}\nowner: owners\nworkspace: {{nodes: {nodes}}}\n");
            files.push((format!("domains/{name}/domain.yaml"), text));
        }
        files.extend(self.files.iter().cloned());
        let files = files.into_iter().map(|(path, text)| File { path: path.into(), bytes: text.into_bytes() });
        let (mesh, faults) = parse(files.collect());
        assert_eq!(faults, [], "the mesh of the test has faults");
        let lower = |environment: &polder_descriptor::EnvironmentInfo| {
            let (desired, faults) = mesh.lower(&environment.name, &|_| None);
            assert_eq!(faults, []);
            desired
        };
        let environments = mesh.environments().iter().map(lower).collect();
        (mesh, environments)
    }

    pub(crate) fn prove(&self, given: &Addresses) -> Proof {
        let (mesh, environments) = self.parsed();
        let settings = mesh.zones(&|_| None).expect("the mesh of the test declares zones");
        prove(Asked { environments: &environments.iter().collect::<Vec<_>>(), settings: &settings }, given)
    }
}

/// A zone by its key.
pub(crate) fn zone<'p>(proof: &'p Proof, key: &str) -> &'p LandingZone {
    let mut zones = proof.layout.tenants.iter().flat_map(|tenant| &tenant.zones);
    zones.find(|zone| zone.key == key).unwrap_or_else(|| panic!("there is no zone {key}"))
}

/// Every workspace with its zone.
pub(crate) fn workspaces(proof: &Proof) -> Vec<(&LandingZone, &Workspace)> {
    let zones = proof.layout.tenants.iter().flat_map(|tenant| &tenant.zones);
    zones.flat_map(|zone| zone.workspaces.iter().map(move |workspace| (zone, workspace))).collect()
}

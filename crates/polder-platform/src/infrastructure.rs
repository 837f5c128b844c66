//! An environment's landing zones, made: its export, root by root, by OpenTofu or Terraform.
//!
//! What is observed is what the tool reads at the moment it is asked: nothing of it is kept here, and what cannot be read is an error.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use polder_infrastructure::{Failure, Happened, Outputs, Planned, Tool};
use polder_model::EnvironmentName;
use serde_json::{Value, json};

use crate::error::{Doing, Error, ErrorKind};
use crate::export::{Exported, export_terraform};

/// Files of values that are the user's, given to every root if they are there.
const VALUES: [&str; 2] = ["values.tfvars", "values.tfvars.json"];

/// An environment's landing zones as roots in a folder, and the tool that makes them.
#[derive(Debug)]
pub struct Infrastructure {
    /// What was written into the folder.
    pub exported: Exported,
    /// The roots, by their folders: those of a stage need those of the stages before, and none of each other.
    pub stages: Vec<Vec<String>>,
    folder: PathBuf,
    tool: Option<Tool>,
    /// What the accounts' roots say, once they were asked.
    of_accounts: OnceLock<Value>,
}

/// A root that was planned.
#[derive(Debug)]
pub struct PlannedRoot {
    /// The root.
    pub root: String,
    /// What would change in it.
    pub planned: Planned,
}

impl Infrastructure {
    /// Brings an environment's export in a folder up to date, and finds the tool: the one named, or the first of `tofu` and `terraform` on
    /// the path.
    ///
    /// # Errors
    /// When there is no export, as [`export_terraform`] says, or there is no tool of the name.
    pub fn open(root: &Path, environment: Option<&EnvironmentName>, folder: &Path, tool: Option<&str>) -> Result<Self, Error> {
        let mut exported = export_terraform(root, environment, folder)?;
        let folder = std::path::absolute(folder).doing(ErrorKind::Invalid, format!("cannot find {}", folder.display()))?;
        let found = Tool::find(tool);
        if let (Some(name), None) = (tool, &found) {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no program {name:?}"))
                .with_hint("name `tofu`, `terraform` or the path of one with --tool"));
        }
        let given = VALUES.iter().map(|name| folder.join(name)).filter(|file| file.is_file());
        let tool = found.map(|tool| given.fold(tool, Tool::with_values));
        let stages = std::mem::take(&mut exported.stages);
        Ok(Self { exported, stages, folder, tool, of_accounts: OnceLock::new() })
    }

    /// The tool's name, if there is a tool.
    #[must_use]
    pub fn tool(&self) -> Option<String> {
        self.tool.as_ref().map(Tool::name)
    }

    /// What a person would run in place of this, a line for each root.
    #[must_use]
    pub fn by_hand(&self) -> Vec<String> {
        let line = |root: &String| {
            let folder = self.folder.join(root).display().to_string().replace('\'', r"'\''");
            format!("terraform -chdir='{folder}' init && terraform -chdir='{folder}' apply")
        };
        self.stages.iter().flatten().map(line).collect()
    }

    /// Plans a root.
    ///
    /// # Errors
    /// When there is no tool, or it fails: nothing is known of the root then.
    pub fn plan(&self, root: &str) -> Result<PlannedRoot, Error> {
        let (tool, folder) = self.prepared(root)?;
        // What a root before it says of what it made, as a root wants to be told it.
        let observed = self.observed(root)?;
        let mut values = tempfile::Builder::new()
            .suffix(".tfvars.json")
            .tempfile()
            .doing(ErrorKind::Unavailable, "cannot keep what was observed")?;
        values.write_all(observed.to_string().as_bytes()).doing(ErrorKind::Unavailable, "cannot keep what was observed")?;
        let planned = tool.clone().with_values(values.path().to_owned()).plan(&folder).map_err(failed)?;
        Ok(PlannedRoot { root: root.to_owned(), planned })
    }

    /// Applies a root as it was planned, and returns what it says of what it made.
    ///
    /// # Errors
    /// When the tool fails. What it made before that is in its state, and the next plan goes on from there.
    pub fn apply(&self, planned: &PlannedRoot, told: &mut dyn FnMut(Happened)) -> Result<Outputs, Error> {
        let (tool, folder) = self.tool_in(&planned.root)?;
        tool.apply(&folder, &planned.planned, told).map_err(failed)?;
        tool.outputs(&folder).map_err(failed)
    }

    /// What the roots of accounts say: by what service principals are known. None of it is for the stages up to theirs.
    fn observed(&self, root: &str) -> Result<Value, Error> {
        if !root.starts_with("workspaces/") {
            return Ok(json!({}));
        }
        // No root of a stage after theirs changes it.
        if let Some(known) = self.of_accounts.get() {
            return Ok(known.clone());
        }
        let mut ids: BTreeMap<String, Value> = BTreeMap::new();
        for account in self.stages.iter().flatten().filter(|root| root.starts_with("account")) {
            let (tool, folder) = self.prepared(account)?;
            let outputs = tool.outputs(&folder).map_err(failed)?;
            let maps = outputs.into_iter().filter(|(name, _)| name.starts_with(polder_terraform::APPLICATION_IDS));
            for (_, map) in maps {
                ids.extend(map.as_object().cloned().unwrap_or_default());
            }
        }
        let found = if ids.is_empty() { json!({}) } else { json!({ "application_ids": ids }) };
        Ok(self.of_accounts.get_or_init(|| found).clone())
    }

    fn prepared(&self, root: &str) -> Result<(&Tool, PathBuf), Error> {
        let (tool, folder) = self.tool_in(root)?;
        tool.prepare(&folder).map_err(failed)?;
        Ok((tool, folder))
    }

    fn tool_in(&self, root: &str) -> Result<(&Tool, PathBuf), Error> {
        let tool = self.tool.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "neither tofu nor terraform is on the path")
                .with_hint("install one of them, or run what is in the folder elsewhere")
        })?;
        Ok((tool, self.folder.join(root)))
    }
}

fn failed(failure: Failure) -> Error {
    let kind = match failure {
        Failure::Run { .. } => ErrorKind::Unavailable,
        Failure::Refused { .. } | Failure::Unreadable { .. } => ErrorKind::Failed,
    };
    Error::new(kind, failure.to_string()).with_hint("mend what it says and run this again: what is made already is left as it is")
}

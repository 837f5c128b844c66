//! `polder validate`: every fault of every file, at once.

use polder_descriptor::Fault;
use polder_platform::Validation;

use crate::context::Context;
use crate::failure::Exit;
use crate::render::{self, Form, faults, units};

/// Check every file of the mesh, for every environment, SQL included
///
/// All faults are shown at once, each with its place, why, and what to write instead. Nothing is read but the mesh's folder and
/// nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder validate
  polder validate --output json | jq '.faults[].message'")]
pub(crate) struct Args {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let root = context.root()?;
        let validation = context.block_on(async { Ok(polder_platform::validate(&root).await?) })?;
        match self.output {
            Form::Json => {
                let Validation { faults, summary, .. } = &validation;
                render::json(&serde_json::json!({ "faults": faults, "summary": summary }))?;
            }
            Form::Text if validation.faults.is_empty() => render::text(&summary(&validation))?,
            Form::Text => render::exact(&faults::show(&validation.faults, &root, context.stdout_reader()))?,
        }
        Ok(if validation.faults.iter().any(Fault::is_error) { Exit::Invalid } else { Exit::Ok })
    }
}

fn summary(validation: &Validation) -> String {
    let s = &validation.summary;
    let parts = [
        (s.environments, "environment"),
        (s.departments, "department"),
        (s.domains, "domain"),
        (s.datasets, "dataset"),
        (s.jobs, "job"),
        (s.grants, "grant"),
    ];
    let parts = parts.map(|(n, word)| format!("{} {word}{}", units::count(n as u64), if n == 1 { "" } else { "s" }));
    format!("valid: {}\n", parts.join(", "))
}

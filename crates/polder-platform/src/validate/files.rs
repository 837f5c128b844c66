//! The files that jobs load: whether what names them is a glob.

use polder_descriptor::{Fault, Mesh, Span};
use polder_model::job::Work;
use polder_model::{Desired, Resource};

/// A fault for each `files` that is no glob.
pub(super) fn faults(mesh: &Mesh, desired: &Desired) -> Vec<Fault> {
    let mut faults = Vec::new();
    for declared in desired.resources.values() {
        let Resource::Job(job) = &*declared.resource else { continue };
        let Work::Ingest(source) = &job.work else { continue };
        let Err(error) = polder_ingest::check_glob(&source.files) else { continue };
        let (origin, length) =
            mesh.locate_text(&declared.origin.file, &source.files, None).unwrap_or_else(|| (declared.origin.clone(), 1));
        let span = Span { line: origin.line, column: origin.column, length };
        let message = format!("{:?} is not a glob: {}", source.files, error.msg);
        let help = "write for example landing/customer/*.csv; a [ that is itself meant is written [[]";
        faults.push(Fault::error(&origin.file, span, "invalid-glob", source.files.as_str(), message).help(help));
    }
    faults
}

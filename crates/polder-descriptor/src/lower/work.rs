//! Jobs.

use polder_model::job::{self, DatasetRef, Work, WriteMode};
use polder_model::{DatasetId, PrincipalName, Resource};

use super::{Lowering, is_service_principal};
use crate::descriptor::job::{Framework, Job, Mode, Write};
use crate::index::{In, Index};

impl Lowering<'_, '_> {
    pub(super) fn jobs(&mut self) {
        let index = self.index;
        for job in &index.jobs {
            let Some(work) = work(index, job.it) else { continue };
            let it = job.it;
            let source = |source: &crate::descriptor::job::Source| {
                let own = reference(index, &source.dataset.value, &source.alias)?;
                Some(match &source.through {
                    Some(table) => DatasetRef { table: table.value.clone(), ..own },
                    None => own,
                })
            };
            let sink = it.sink.as_ref();
            let resource = job::Job {
                id: it.id.clone(),
                description: it.description.clone(),
                run_as: run_as(index, *job),
                sources: it.sources.iter().filter_map(source).collect(),
                sink: sink.and_then(|sink| reference(index, &sink.value, sink.value.name.as_str())),
                work,
                write: write_mode(&it.write),
                bad_rows: it.bad_rows,
                declassify: it.declassify.iter().map(|(column, reason)| (column.clone(), reason.value.clone())).collect(),
                schedule: it.schedule.clone(),
            };
            self.add(Resource::Job(Box::new(resource)), job.file, it.span);
        }
    }
}

fn reference(index: &Index<'_>, id: &DatasetId, alias: &str) -> Option<DatasetRef> {
    let table = index.dataset(id)?.it.table.clone();
    Some(DatasetRef { dataset: id.clone(), table, alias: alias.to_owned() })
}

/// What the job does; `None` when what it needs is not there, which was reported.
fn work(index: &Index<'_>, job: &Job) -> Option<Work> {
    match &job.framework {
        Framework::Ingest(ingest) => ingest.source.clone().map(Work::Ingest),
        Framework::Sql(file) => {
            let file = file.as_ref()?.value.clone();
            let text = index.view.texts.get(file.as_str())?.clone();
            Some(Work::Sql { file, text })
        }
        Framework::External { kind, settings } => Some(Work::External { kind: kind.clone(), settings: settings.clone() }),
    }
}

/// The service principal that the job names, or its domain's first.
fn run_as(index: &Index<'_>, job: In<'_, Job>) -> Option<PrincipalName> {
    let named = job.it.run_as.as_ref().map(|principal| &principal.value);
    let first = || index.domain(job.it.id.domain.as_str())?.it.service_principals.first().map(|principal| &principal.value);
    named.or_else(first).filter(|name| is_service_principal(index, name.as_str())).cloned()
}

fn write_mode(write: &Write) -> WriteMode {
    match write.mode {
        Mode::Append => WriteMode::Append,
        Mode::Overwrite => WriteMode::Overwrite,
        Mode::Merge => WriteMode::Merge { keys: write.keys.iter().map(|key| key.value.clone()).collect() },
    }
}

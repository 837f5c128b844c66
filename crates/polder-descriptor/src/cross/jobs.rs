//! Jobs: what they read, write, run and run as.

use std::collections::HashMap;

use polder_model::{DatasetId, PrincipalKind, TableName};

use super::Checker;
use crate::descriptor::Reference;
use crate::descriptor::dataset::{Dataset, Shape};
use crate::descriptor::job::{Framework, Job, Mode};
use crate::index::In;
use crate::reader::Spanned;
use crate::suggest;

impl<'v> Checker<'_, 'v> {
    pub(super) fn jobs(&mut self) {
        let mut overwritten: HashMap<&DatasetId, In<'_, Job>> = HashMap::new();
        for job in &self.index.jobs {
            let (file, it) = (job.file, job.it);
            if let Some(principal) = &it.run_as {
                self.principal(file, principal, &[PrincipalKind::ServicePrincipal], "who a job runs as");
            }
            for source in &it.sources {
                let found = self.dataset(file, &source.dataset);
                if let (Some(dataset), Framework::Sql(_)) = (found, &it.framework) {
                    self.readable(*job, dataset, &source.dataset);
                }
                if let (Some(dataset), Some(table)) = (found, &source.through) {
                    self.through(*job, dataset.it, table);
                }
            }
            if let Framework::Sql(Some(query)) = &it.framework {
                self.query_file(file, query);
            }
            let Some(sink) = &it.sink else { continue };
            if let Some(dataset) = self.dataset(file, sink) {
                self.sink(*job, dataset, sink);
            }
            if it.write.mode == Mode::Overwrite {
                self.overwritten_twice(&mut overwritten, *job, sink);
            }
        }
    }

    fn readable(&mut self, job: In<'v, Job>, dataset: In<'v, Dataset>, source: &Reference) {
        if dataset.it.shape == Shape::Volume {
            let message = format!("'{}' is a volume: it has files and no rows that a query could read", source.value);
            self.error(job.file, source.span, "source-is-volume", source.value.name.as_str(), message).help =
                Some("read a table or a view".to_owned());
        }
    }

    /// A dataset that is read from elsewhere: a connection shows it here, and what is personal data of it is so there, too.
    fn through(&mut self, job: In<'v, Job>, dataset: &Dataset, table: &Spanned<TableName>) {
        let Some(found) = self.index.foreign_table(&table.value) else {
            let known =
                self.index.connections.iter().flat_map(|connection| &connection.it.tables).map(|table| table.name.to_string());
            let known: Vec<String> = known.collect();
            let help = suggest::hint(&table.value.to_string(), known.iter().map(String::as_str));
            let message = format!("there is no table '{}' of a connection in this environment", table.value);
            self.error(job.file, table.span, "unknown-table", table.value.object.as_str(), message).help =
                help.or_else(|| Some("declare it below `tables` of a connection".to_owned()));
            return;
        };
        let in_clear = |name: &str| {
            found.columns.iter().any(|column| column.value.name.eq_ignore_ascii_case(name) && !column.value.is_pii())
        };
        let bare = dataset.columns.iter().find(|column| column.value.is_pii() && in_clear(&column.value.name));
        if let Some(column) = bare {
            let message =
                format!("'{}' shows '{}' in clear, which is personal data in {}", table.value, column.value.name, dataset.id);
            self.error(job.file, table.span, "pii-through", &column.value.name, message).help =
                Some(format!("tag it in the connection: {{name: {}, tags: [pii]}}", column.value.name));
        }
    }

    fn sink(&mut self, job: In<'v, Job>, dataset: In<'v, Dataset>, sink: &Reference) {
        let what = match &dataset.it.shape {
            Shape::View(_) => Some("a view"),
            Shape::Volume => Some("a volume"),
            Shape::Table if !dataset.it.is_writable() => Some("of format parquet, which is read only"),
            Shape::Table => None,
        };
        if let (Some(what), false) = (what, matches!(job.it.framework, Framework::External { .. })) {
            let message = format!("rows cannot be written into '{}': it is {what}", sink.value);
            self.error(job.file, sink.span, "sink-not-writable", sink.value.name.as_str(), message).help =
                Some("write into a dataset of type parallelread and format delta".to_owned());
            return;
        }
        self.append_only(job, dataset, sink);
        for key in &job.it.write.keys {
            self.sink_column(job, dataset.it, key, "the key");
        }
        if let Framework::Ingest(ingest) = &job.it.framework {
            for column in &ingest.columns {
                self.sink_column(job, dataset.it, column, "the column");
            }
        }
        for (column, reason) in &job.it.declassify {
            self.sink_column(job, dataset.it, &Spanned { value: column.clone(), span: reason.span }, "the declassified column");
        }
    }

    /// Rows of an append-only table are never replaced.
    fn append_only(&mut self, job: In<'v, Job>, dataset: In<'v, Dataset>, sink: &Reference) {
        let set =
            |(key, value): (&String, &String)| key.eq_ignore_ascii_case("delta.appendOnly") && value.eq_ignore_ascii_case("true");
        let mode = match job.it.write.mode {
            Mode::Append => return,
            Mode::Overwrite => "overwrite",
            Mode::Merge => "merge",
        };
        if dataset.it.properties.iter().any(set) && !matches!(job.it.framework, Framework::External { .. }) {
            let message = format!("'{}' has delta.appendOnly, and mode {mode} replaces rows", sink.value);
            self.error(job.file, sink.span, "sink-append-only", sink.value.name.as_str(), message).help =
                Some("write mode: append, or take delta.appendOnly out of the dataset's properties".to_owned());
        }
    }

    fn sink_column(&mut self, job: In<'v, Job>, sink: &Dataset, name: &Spanned<String>, role: &str) {
        if sink.columns.iter().any(|column| column.value.name.eq_ignore_ascii_case(&name.value)) {
            return;
        }
        let help = suggest::hint(&name.value, sink.columns.iter().map(|column| column.value.name.as_str()));
        let message = format!("{role} '{}' is not a column of the sink {}", name.value, sink.id);
        self.error(job.file, name.span, "unknown-column", &name.value, message).help = help;
    }

    fn overwritten_twice(&mut self, seen: &mut HashMap<&'v DatasetId, In<'v, Job>>, job: In<'v, Job>, sink: &'v Reference) {
        let Some(first) = seen.get(&sink.value) else {
            seen.insert(&sink.value, job);
            return;
        };
        let message = format!(
            "'{}' and '{}' ({}) both overwrite '{}': what one writes the other removes",
            job.it.id, first.it.id, first.file, sink.value
        );
        let fault = self.error(job.file, sink.span, "overwritten-twice", sink.value.name.as_str(), message);
        fault.severity = crate::Severity::Warning;
        fault.help = Some("write mode: append or merge, or give each a dataset of its own".to_owned());
    }
}

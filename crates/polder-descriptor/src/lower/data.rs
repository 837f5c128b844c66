//! Datasets: buckets, schemas, tables, views and volumes, and the tables for rows that did not fit.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::column::PII_TAG;
use polder_model::resource::{self, Resource, TableFormat};
use polder_model::store_option::is_store;
use polder_model::{BucketName, Column, DataType, Location, PrincipalName, Provider};

use super::Lowering;
use super::placement::Placement;
use crate::descriptor::dataset::{Dataset, Query, Shape};
use crate::fault::Span;
use crate::index::In;
use crate::reader::name_problem;

impl Lowering<'_, '_> {
    pub(super) fn datasets(&mut self) {
        let index = self.index;
        let placement = Placement::new(index);
        for dataset in &index.datasets {
            let Some(owner) = self.owner(dataset.it) else { continue };
            self.schema(*dataset);
            let reading = Reading { dataset: *dataset, owner };
            match &dataset.it.shape {
                Shape::View(query) => self.view(reading, query),
                Shape::Table => {
                    let (location, reason) = self.location(*dataset, &placement);
                    self.table(reading, location, reason);
                }
                Shape::Volume => {
                    let (location, _) = self.location(*dataset, &placement);
                    self.volume(reading, location);
                }
            }
        }
        let mut quarantines: Vec<_> = index.quarantines.keys().collect();
        quarantines.sort();
        for name in quarantines {
            let (sink, job) = index.quarantines[name];
            let Some(owner) = self.owner(sink.it) else { continue };
            let (location, placement_reason) = self.location(sink, &placement);
            let location = Location { prefix: format!("{}_quarantine", location.prefix), ..location };
            // Rows that did not fit cannot be told apart by the sink's conditions: where it has any, only owners see them.
            let for_owners = resource::RowFilter { group: owner.clone(), condition: "true".to_owned() };
            let row_filters = if sink.it.row_filters.is_empty() { Vec::new() } else { vec![for_owners] };
            let table = resource::Table {
                name: name.clone(),
                dataset: sink.it.id.clone(),
                owner,
                comment: format!("rows that did not fit {}, each with the reason", sink.it.table),
                location,
                placement_reason,
                format: TableFormat::Delta,
                columns: quarantine_columns(sink.it),
                partition_columns: Vec::new(),
                has_history: false,
                properties: BTreeMap::new(),
                hot_storage: None,
                usage: None,
                row_filters,
                checks: Vec::new(),
            };
            self.add(Resource::Table(Box::new(table)), job.file, job.it.span);
        }
    }

    /// The owner of a dataset: its own, or its domain's.
    fn owner(&self, dataset: &Dataset) -> Option<PrincipalName> {
        let domain = self.index.domain(dataset.id.domain.as_str()).and_then(|domain| domain.it.owner.as_ref());
        dataset.owner.as_ref().or(domain).map(|owner| owner.value.clone())
    }

    /// The schema belongs to the domain, whoever owns a dataset in it.
    fn schema(&mut self, dataset: In<'_, Dataset>) {
        let domain = self.index.domain(dataset.it.id.domain.as_str()).and_then(|domain| domain.it.owner.clone());
        let Some(owner) = domain else { return };
        let (catalog, name) = (dataset.it.table.catalog.clone(), dataset.it.table.schema.clone());
        let schema = resource::Schema { catalog, name, owner: owner.value };
        self.add(Resource::Schema(schema), dataset.file, dataset.it.span);
    }

    fn location(&mut self, dataset: In<'_, Dataset>, placement: &Placement<'_>) -> (Location, String) {
        let it = dataset.it;
        let (provider, reason) = placement.place(it);
        let declared = it.storage.bucket.as_ref();
        let (plain, span) = declared.map_or((it.id.domain.as_str(), it.span), |bucket| (bucket.value.as_str(), bucket.span));
        let bucket = self.bucket_name(dataset, plain, provider, span);
        let resource = resource::Bucket { provider, name: bucket.clone(), domain: it.id.domain.clone(), is_home: false };
        self.add(Resource::Bucket(resource), dataset.file, span);
        (Location { provider, bucket, prefix: format!("{}/{}", it.table.schema, it.table.object) }, reason)
    }

    /// The bucket's name with the environment in front, which may be too much of a name. S3 and Azure take no `_` in it: in a store it is
    /// a `-`.
    fn bucket_name(&mut self, dataset: In<'_, Dataset>, plain: &str, provider: Provider, span: Span) -> BucketName {
        let organization = &self.index.view.organization;
        let in_store = organization.options(provider, self.environment).is_some_and(|options| is_store(&options));
        let full = format!("{}-{plain}", self.environment);
        let full = if in_store { full.replace('_', "-") } else { full };
        if in_store && (full.contains("--") || full.ends_with('-')) {
            let message =
                format!("a store takes no bucket '{full}': words of its name have one '-' between them, and none at the end");
            let mut fault = crate::Fault::error(dataset.file, span, "invalid-name", plain, message);
            fault.help = Some("choose another bucket".to_owned());
            self.faults.push(fault);
        }
        BucketName::new(&full).unwrap_or_else(|error| {
            let problem = name_problem(&error);
            let message = format!("{}: with its environment it is '{full}'", problem.message);
            let mut fault = crate::Fault::error(dataset.file, span, problem.code, plain, message);
            fault.help = problem.help;
            self.faults.push(fault);
            let short: String = full.chars().take(60).collect();
            BucketName::new(&short).expect("the environment's name begins it and every character was a name's before")
        })
    }

    fn table(&mut self, Reading { dataset, owner }: Reading<'_>, location: Location, placement_reason: String) {
        let it = dataset.it;
        let filters = it.row_filters.iter();
        let table = resource::Table {
            name: it.table.clone(),
            dataset: it.id.clone(),
            owner,
            comment: it.description.clone(),
            location,
            placement_reason,
            format: it.storage.format,
            columns: columns(it),
            partition_columns: it.storage.partition_columns.clone(),
            has_history: it.storage.has_history,
            properties: it.properties.clone(),
            hot_storage: it.hot_storage.clone(),
            usage: it.usage.clone(),
            row_filters: filters
                .map(|f| resource::RowFilter { group: f.group.value.clone(), condition: f.condition.clone() })
                .collect(),
            checks: it.checks.clone(),
        };
        self.add(Resource::Table(Box::new(table)), dataset.file, it.span);
    }

    fn view(&mut self, Reading { dataset, owner }: Reading<'_>, query: &Query) {
        let it = dataset.it;
        let sql = match query {
            Query::Inline(sql) => Some(sql.clone()),
            Query::File(file) => self.index.view.texts.get(file.value.as_str()).cloned(),
            Query::Missing => None,
        };
        let Some(sql) = sql else { return };
        let (name, dataset_id, comment) = (it.table.clone(), it.id.clone(), it.description.clone());
        let (columns, measures, rights) = (columns(it), it.measures.clone(), it.rights);
        let view = resource::View { name, dataset: dataset_id, owner, comment, sql, columns, measures, rights };
        self.add(Resource::View(view), dataset.file, it.span);
    }

    fn volume(&mut self, Reading { dataset, owner }: Reading<'_>, location: Location) {
        let it = dataset.it;
        let (name, dataset_id, comment) = (it.table.clone(), it.id.clone(), it.description.clone());
        let volume = resource::Volume { name, dataset: dataset_id, owner, comment, location };
        self.add(Resource::Volume(volume), dataset.file, it.span);
    }
}

/// A dataset with who owns it.
struct Reading<'v> {
    dataset: In<'v, Dataset>,
    owner: PrincipalName,
}

fn columns(dataset: &Dataset) -> Vec<Column> {
    dataset.columns.iter().map(|column| column.value.clone()).collect()
}

/// A row that does not fit is kept as the text it was: whatever was personal in the sink is personal there.
fn quarantine_columns(sink: &Dataset) -> Vec<Column> {
    let pii = sink.columns.iter().any(|column| column.value.is_pii());
    let column = |name: &str, data_type, optional, description: &str, pii: bool| Column {
        name: name.to_owned(),
        data_type,
        optional,
        description: description.to_owned(),
        tags: if pii { BTreeSet::from([PII_TAG.to_owned()]) } else { BTreeSet::new() },
        mask: None,
    };
    vec![
        // A reason may quote the value that did not fit.
        column("reason", DataType::String, false, "why the row did not fit", pii),
        column("file", DataType::String, false, "the file it came from", false),
        column("line", DataType::Long, true, "its line or row in the file, counted from 1", false),
        column("row", DataType::String, true, "the row as it was", pii),
        column("loaded_at", DataType::Timestamp, false, "when it was loaded", false),
    ]
}

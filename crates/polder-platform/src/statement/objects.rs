//! `CREATE`, `DROP`, `ALTER` and `COMMENT ON`: of what people make. What files declare is refused where it would change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use polder_access::Action;
use polder_engine::command::{Alteration, NewTable as Asked, NewView as AskedView, Object, ObjectKind};
use polder_engine::{AnalyzeTable, TableParts, Tables, VisibleTable, tables_named};
use polder_lake::Write;
use polder_model::column::PII_TAG;
use polder_model::job::WriteMode;
use polder_model::resource::View;
use polder_model::{Column, Resource, Securable, TableName};

use super::names::{new_object_name, new_schema_name, new_table_name};
use super::rights::securable;
use super::rows::{notes, unwritten};
use super::{Answer, Done, answer, table_name};
use crate::catalog::{Act, NativeTable, NewSchema, NewView, NewVolume, TableChange, check_properties, not_there, pii_in_folders};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;
use crate::query::query_error;
use crate::views;

impl Platform {
    pub(super) async fn make_schema(
        &self,
        name: &TableParts,
        if_not_exists: bool,
        comment: String,
    ) -> Result<RecordBatch, Error> {
        let (catalog, schema) = new_schema_name(name)?;
        let what = format!("schema {catalog}.{schema}");
        let new = NewSchema { catalog, name: schema, comment, properties: BTreeMap::new() };
        made(&what, if_not_exists, self.create_schema(new).await)
    }

    pub(super) async fn make_volume(
        &self,
        name: &TableParts,
        if_not_exists: bool,
        comment: String,
    ) -> Result<RecordBatch, Error> {
        let name = new_table_name(name)?;
        let what = format!("volume {name}");
        made(&what, if_not_exists, self.create_volume(NewVolume { name, comment, url: None }).await)
    }

    /// Makes a table: an empty one, or one with the rows of a query, which are in it from the first moment that it is there.
    pub(super) async fn make_table(&self, asked: Asked, sql: &str) -> Result<Answer, Error> {
        let name = new_table_name(&asked.name)?;
        let act = self.act(sql).await?;
        let there = act.metastore.table_or_view(&name).filter(|_| act.sees(&name));
        if there.is_some() && asked.if_not_exists {
            return done("CREATE TABLE", format!("{name} is there already"));
        }
        if asked.or_replace && matches!(there, Some(Resource::Table(_))) {
            return self.replace_table(&name, asked, sql).await;
        }
        let columns = match &asked.query {
            Some(query) => self.columns_of_query(query).await?,
            None => asked.columns,
        };
        let new = NativeTable {
            name: name.clone(),
            comment: asked.comment,
            columns,
            partition_columns: asked.partition_columns,
            properties: asked.properties,
            has_history: false,
            row_filters: Vec::new(),
            checks: Vec::new(),
        };
        let unnamed = self.unnamed_table(&act, new).await?;
        let (id, table) = (unnamed.id, unnamed.table.clone());
        let filled = async {
            let created = self.lake.create_table(&table, id).await;
            created.map_err(|error| unwritten(&name, error))?;
            match &asked.query {
                Some(query) => self.fill_unnamed(&act, &unnamed, query).await.map(Some),
                None => Ok(None),
            }
        };
        let named = match filled.await {
            Ok(rows) => self.name_table(&act, unnamed).await.map(|_| rows),
            Err(error) => Err(error),
        };
        match named {
            Ok(rows) => {
                let with = rows.map(|rows| format!(" with {rows} rows")).unwrap_or_default();
                done("CREATE TABLE", format!("made table {name}{with}"))
            }
            Err(error) => {
                self.abandon_table(id, &table).await;
                Err(error)
            }
        }
    }

    /// Fills a table that nobody knows of yet with the rows of a query: how many.
    async fn fill_unnamed(&self, act: &Act<'_>, unnamed: &crate::catalog::Unnamed, query: &str) -> Result<u64, Error> {
        let name = &unnamed.table.name;
        let handle = self.lake.open(&unnamed.permit, &unnamed.table, polder_lake::AsOf::Latest).await;
        let handle = handle.doing(ErrorKind::Unavailable, format!("cannot open {name} for writing"))?;
        let result = self.select(query, Vec::new()).await?;
        let write = Write { mode: WriteMode::Append, rows: result.stream, transaction: None, commit_info: notes(&act.caller) };
        let staged = handle.stage(write).await.map_err(|error| unwritten(name, error))?;
        let rows = staged.rows();
        let committed = staged.commit().await;
        let _ = committed.doing(ErrorKind::Unavailable, format!("cannot commit to {name}"))?;
        Ok(rows)
    }

    pub(super) async fn make_view(&self, asked: AskedView) -> Result<RecordBatch, Error> {
        let name = new_table_name(&asked.name)?;
        let sql = match asked.columns.is_empty() {
            true => asked.query,
            false => {
                let names: Vec<String> = asked.columns.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
                format!("SELECT * FROM ({}) AS \"given\"({})", asked.query, names.join(", "))
            }
        };
        let columns = self.columns_of_query(&sql).await?;
        let replaces = {
            let metastore = self.metastore().await?;
            asked.or_replace && matches!(metastore.table_or_view(&name), Some(Resource::View(_)))
        };
        if replaces {
            return self.change_view(&name, sql, columns, Some(asked.comment)).await;
        }
        let new = NewView { name: name.clone(), comment: asked.comment, sql, columns, properties: BTreeMap::new() };
        made(&format!("view {name}"), asked.if_not_exists, self.create_view(new).await)
    }

    async fn change_view(
        &self,
        name: &TableName,
        sql: String,
        columns: Vec<Column>,
        comment: Option<String>,
    ) -> Result<RecordBatch, Error> {
        let act = self.act("change a view").await?;
        let what = Securable::View(name.clone());
        act.demand(Action::Manage, &what).await?;
        act.made_object(&what).await?;
        let metastore = &act.metastore;
        if let Some(Resource::View(view)) = metastore.table_or_view(name) {
            let changed = View { sql: sql.clone(), ..view.clone() };
            let lookup = |other: &TableName| metastore.table_or_view(other);
            if let Some(circle) = views::circle(&changed, &lookup) {
                let path: Vec<String> = circle.iter().map(ToString::to_string).collect();
                return Err(Error::new(ErrorKind::Invalid, format!("the view would be made of itself: {}", path.join(" -> "))));
            }
            if views::names(&changed).is_empty() {
                return Err(Error::new(ErrorKind::Invalid, "the view's definition is no query over tables by their full names"));
            }
        }
        let change = TableChange { sql: Some(sql), columns: Some(columns), comment, ..TableChange::default() };
        self.change_object(&what, &change).await?;
        answer::told(format!("changed view {name}"))
    }

    pub(super) async fn drop_named(&self, object: &Object, if_exists: bool, cascade: bool) -> Result<RecordBatch, Error> {
        let what = securable(object)?;
        match self.drop_object(&what, cascade).await {
            Ok(()) => answer::told(format!("dropped {what}")),
            Err(error) if if_exists && error.kind() == ErrorKind::NotFound => answer::told(format!("there is no {what}")),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn alter_named(&self, object: &Object, alteration: Alteration) -> Result<RecordBatch, Error> {
        // Other objects than tables and views have names of fewer parts, and only their comments change.
        let name = || table_name(&object.name);
        match alteration {
            Alteration::Comment(comment) => {
                let mut what = securable(object)?;
                if let (Securable::Table(name), ObjectKind::Table) = (&what, object.kind) {
                    what = self.act("comment").await?.table_or_view(name);
                }
                let change = TableChange { comment: Some(comment), ..TableChange::default() };
                self.change_object(&what, &change).await?;
                answer::told(format!("changed {what}"))
            }
            Alteration::Rename(to) => {
                let name = name()?;
                // A name of one part stays where it is.
                let to = match to.parts() {
                    [object] => TableName { object: new_object_name(object)?, ..name.clone() },
                    _ => new_table_name(&to)?,
                };
                self.move_table(&name, &to).await?;
                answer::told(format!("renamed {name} to {to}"))
            }
            Alteration::Query(sql) => {
                let columns = self.columns_of_query(&sql).await?;
                self.change_view(&name()?, sql, columns, None).await
            }
            Alteration::AddColumns(columns) => self.add_columns(&name()?, columns).await,
            Alteration::SetProperties(properties) => {
                check_properties(&properties)?;
                self.change_properties(&name()?, |all| all.extend(properties)).await
            }
            Alteration::UnsetProperties(keys) => {
                self.change_properties(&name()?, |all| keys.iter().for_each(|key| _ = all.remove(key))).await
            }
            Alteration::Tags { column, tags, unset } => self.tag_column(&name()?, &column, &tags, unset).await,
        }
    }

    async fn add_columns(&self, name: &TableName, columns: Vec<Column>) -> Result<RecordBatch, Error> {
        let act = self.act("add columns").await?;
        let mut table = act.own_table(name).await?;
        for column in columns {
            if table.column(&column.name).is_some() {
                return Err(Error::new(ErrorKind::Conflict, format!("{name} has a column {} already", column.name)));
            }
            table.columns.push(column);
        }
        // The log first: a column that the catalog tells of is there to be read.
        self.lake.alter_table(&table).await.map_err(|error| unwritten(name, error))?;
        let change = TableChange { columns: Some(table.columns), ..TableChange::default() };
        self.change_object(&Securable::Table(name.clone()), &change).await?;
        answer::told(format!("added columns to {name}"))
    }

    async fn change_properties(
        &self,
        name: &TableName,
        how: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<RecordBatch, Error> {
        let act = self.act("set properties").await?;
        let mut table = act.own_table(name).await?;
        let what = Securable::Table(name.clone());
        let object = act.made_object(&what).await?;
        let mut properties = object.made.map(|made| made.properties).unwrap_or_default();
        how(&mut properties);
        table.properties = properties.clone();
        self.lake.alter_table(&table).await.map_err(|error| unwritten(name, error))?;
        self.change_object(&what, &TableChange { properties: Some(properties), ..TableChange::default() }).await?;
        answer::told(format!("changed properties of {name}"))
    }

    async fn tag_column(&self, name: &TableName, column: &str, tags: &[String], unset: bool) -> Result<RecordBatch, Error> {
        let act = self.act("tag a column").await?;
        let mut table = act.own_table(name).await?;
        let what = Securable::Table(name.clone());
        // Who manages a table and sees it masked is not to unmask it so.
        if unset && tags.iter().any(|tag| tag == PII_TAG) {
            let reads = act.demand(Action::Read, &what).await?;
            if !reads.is_whole() {
                let message = format!("whoever takes the tag {PII_TAG} off a column has to see it in clear");
                return Err(Error::new(ErrorKind::Denied, message).with_hint("ask the owner of the table"));
            }
        }
        let Some(tagged) = table.columns.iter_mut().find(|one| one.name.eq_ignore_ascii_case(column)) else {
            return Err(Error::new(ErrorKind::NotFound, format!("{name} has no column {column:?}")));
        };
        let names_folders = table.partition_columns.iter().any(|name| name.eq_ignore_ascii_case(&tagged.name));
        if !unset && names_folders && tags.iter().any(|tag| tag == PII_TAG) {
            return Err(pii_in_folders(&tagged.name));
        }
        let tags: BTreeSet<String> = tags.iter().cloned().collect();
        tagged.tags = if unset { &tagged.tags - &tags } else { &tagged.tags | &tags };
        let change = TableChange { columns: Some(table.columns), ..TableChange::default() };
        self.change_object(&what, &change).await?;
        answer::told(format!("tagged {column} of {name}"))
    }

    /// The columns that a table or view of a query has. A column has the tags of those that it is made of: what is masked in one
    /// table is masked in the next.
    pub(super) async fn columns_of_query(&self, sql: &str) -> Result<Vec<Column>, Error> {
        // Whoever may not read what it names is told so, before anything is told of that.
        let prepared = self.prepare_select(sql).await?;
        if !prepared.parameters.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "a query that is kept takes no parameters"));
        }
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = Arc::new(self.trail("columns"));
        let known = self.readable(metastore.clone(), caller, trail).list();
        let named = tables_named(sql).map_err(query_error)?;
        let outline = |table: &VisibleTable| {
            let name = table.name.to_string();
            let resource = name.parse().ok().and_then(|name| metastore.table_or_view(&name));
            let measures = resource.map(|resource| views::outline(&name, resource).measures).unwrap_or_default();
            AnalyzeTable { name, columns: table.columns.clone(), measures }
        };
        let outlines: Vec<AnalyzeTable> =
            named.iter().filter_map(|name| known.iter().find(|table| table.name == *name)).map(outline).collect();
        let analysis = self.engine.analyze(&without_travel(sql)?, &outlines).await.map_err(query_error)?;
        let source = |table: &str, column: &str| {
            let table = outlines.iter().find(|outline| outline.name == table)?;
            table.columns.iter().find(|one| one.name.eq_ignore_ascii_case(column))
        };
        let mut columns: Vec<Column> = Vec::new();
        for output in analysis.columns {
            let of: Vec<&Column> = output.derived_from.iter().filter_map(|(table, column)| source(table, column)).collect();
            let tags = of.iter().flat_map(|column| column.tags.iter().cloned()).collect();
            // The mask of one column that it is; of several, the one that shows least.
            let mask = match of.as_slice() {
                [one] if one.data_type == output.data_type => one.mask,
                _ => None,
            };
            let description = String::new();
            columns.push(Column { name: output.name, data_type: output.data_type, optional: true, description, tags, mask });
        }
        Ok(columns)
    }
}

impl Act<'_> {
    /// Whether the caller may know of a table or view.
    pub(super) fn sees(&self, name: &TableName) -> bool {
        self.metastore.authorizer().visible(&self.caller, &self.table_or_view(name))
    }

    /// A table that somebody made and the caller manages.
    pub(super) async fn own_table(&self, name: &TableName) -> Result<polder_model::resource::Table, Error> {
        let what = Securable::Table(name.clone());
        self.demand(Action::Manage, &what).await?;
        let object = self.made_object(&what).await?;
        match &*object.resource {
            Resource::Table(table) => Ok(table.as_ref().clone()),
            _ => Err(not_there(&name.to_string())),
        }
    }
}

/// A query over the tables as they are now: for its columns it does not matter which state is read.
fn without_travel(sql: &str) -> Result<String, Error> {
    polder_engine::without_time_travel(sql).map_err(query_error)
}

pub(super) fn done(tag: &'static str, words: String) -> Result<Answer, Error> {
    Ok(Answer::Done(Done { tag, rows: None, told: answer::told(words)? }))
}

fn made<T>(what: &str, if_not_exists: bool, made: Result<T, Error>) -> Result<RecordBatch, Error> {
    match made {
        Ok(_) => answer::told(format!("made {what}")),
        Err(error) if if_not_exists && error.kind() == ErrorKind::Conflict => answer::told(format!("{what} is there already")),
        Err(error) => Err(error),
    }
}

//! A database of a test, and what is read from it.

use std::path::Path;
use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{SessionConfig, SessionContext};
use polder_access::{Action, Caller, Permit};
use polder_federation::{Connections, FederationError, Files, Limits};
use polder_model::connection::{Connection, Database, DatabaseServer, ForeignTable, Tls};
use polder_model::secret::Secret;
use polder_model::{Column, Principal, PrincipalKind, Securable};
use polder_testkit::PostgresDatabase;

pub(crate) fn postgresql(database: &PostgresDatabase) -> (Database, Option<Secret>) {
    let url = database.url();
    let (at, name) = url.rsplit_once('/').unwrap();
    let port = at.rsplit(':').next().unwrap().parse().unwrap();
    let server = DatabaseServer { database: name.to_owned(), ..server(port, "polder") };
    (Database::Postgresql(server), Some(Secret::new(database.password())))
}

pub(crate) fn server(port: u16, user: &str) -> DatabaseServer {
    DatabaseServer {
        host: "127.0.0.1".to_owned(),
        port,
        database: "crm".to_owned(),
        user: user.to_owned(),
        password: None,
        tls: Tls::Off,
        tls_root: None,
    }
}

pub(crate) fn connections(root: &Path, limits: Limits) -> Connections {
    Connections::new(Files { root: root.canonicalize().unwrap(), kept_apart: Vec::new() }, limits)
}

/// A table with columns written as `name type`, with `?` behind one that is optional.
pub(crate) fn table(schema: &str, name: &str, columns: &[&str]) -> ForeignTable {
    let column = |text: &&str| {
        let (name, data_type) = text.split_once(' ').unwrap();
        Column {
            name: name.to_owned(),
            data_type: data_type.trim_end_matches('?').parse().unwrap(),
            optional: data_type.ends_with('?'),
            description: String::new(),
            tags: std::collections::BTreeSet::new(),
            mask: None,
        }
    };
    ForeignTable {
        name: "crm.public.t".parse().unwrap(),
        owner: "olga".parse().unwrap(),
        comment: String::new(),
        source_schema: schema.to_owned(),
        source_table: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        row_filters: Vec::new(),
    }
}

pub(crate) fn permit(action: Action) -> Permit {
    let caller = Caller::new(Principal { name: "olga".parse().unwrap(), kind: PrincipalKind::User });
    Permit::for_tests(caller, action, Securable::ForeignTable("crm.public.t".parse().unwrap()), Vec::new(), None)
}

pub(crate) async fn open(
    connections: &Connections,
    (database, password): &(Database, Option<Secret>),
    table: &ForeignTable,
) -> Result<Arc<dyn TableProvider>, FederationError> {
    let connection = Connection {
        name: "crm".parse().unwrap(),
        domain: "sales".parse().unwrap(),
        owner: "olga".parse().unwrap(),
        comment: String::new(),
        database: database.clone(),
    };
    connections.open(&permit(Action::Read), &connection, table, password.clone()).await
}

pub(crate) fn context(provider: Arc<dyn TableProvider>) -> SessionContext {
    let context = SessionContext::new_with_config(
        SessionConfig::new().with_target_partitions(2).set_bool("datafusion.sql_parser.parse_float_as_decimal", true),
    );
    context.register_table("t", provider).unwrap();
    context
}

/// A line for each row, or the error.
pub(crate) async fn ask(context: &SessionContext, sql: &str) -> Result<Vec<String>, String> {
    let frame = context.sql(sql).await.map_err(|error| error.to_string())?;
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let options = FormatOptions::default().with_null("-");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        let line = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|");
        rows.extend((0..batch.num_rows()).map(line));
    }
    Ok(rows)
}

//! `domains/<domain>/connections/*.yaml`: a database or a share of others that a domain reads from, and what of it is shown.

mod share;

use polder_model::connection::{Database, DatabaseServer, SecretName, Tls};
use polder_model::secret::SecretReference;
use polder_model::{Column, DomainName, ObjectName, SchemaName, TableName};

use crate::descriptor::column;
use crate::descriptor::dataset::{RowFilter, row_filter};
use crate::fault::Span;
use crate::reader::{Count, Fields, Reader, Spanned};
use crate::variables::mentions;
use crate::yaml::Node;

const TLS: [(&str, Tls); 3] = [("verify", Tls::Verify), ("encrypt", Tls::Encrypt), ("off", Tls::Off)];

/// What a connection says.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) domain: DomainName,
    pub(crate) name: Spanned<DomainName>,
    pub(crate) description: String,
    /// None: a fault that has been reported.
    pub(crate) database: Option<Database>,
    pub(crate) tables: Vec<Table>,
}

/// A table that is shown.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: TableName,
    pub(crate) span: Span,
    pub(crate) description: String,
    pub(crate) source_schema: String,
    pub(crate) source_table: String,
    pub(crate) columns: Vec<Spanned<Column>>,
    pub(crate) row_filters: Vec<RowFilter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgresql,
    Mysql,
    Sqlite,
    DeltaSharing,
}

/// The keys of what is a server of a database.
const SERVER: [&str; 7] = ["host", "port", "database", "user", "password", "tls", "tlsRoot"];

impl Kind {
    /// What it is, and the keys that say where something else is.
    fn unfit(self) -> (&'static str, Vec<&'static str>) {
        match self {
            Self::Postgresql | Self::Mysql => ("a server", [&["file"], share::KEYS.as_slice()].concat()),
            Self::Sqlite => ("a file", [SERVER.as_slice(), &share::KEYS].concat()),
            Self::DeltaSharing => ("a share", [SERVER.as_slice(), &["file"]].concat()),
        }
    }
}

impl Connection {
    /// Reads the file's tree.
    pub(crate) fn read(r: &mut Reader<'_>, tree: &Node, folder: &DomainName) -> Option<Self> {
        let mut fields = r.fields(tree, "a connection")?;
        let name: Option<Spanned<DomainName>> = fields.required(r, "name", "name the connection: its catalog has that name");
        let description = fields.words(r, "description");
        let kinds = [
            ("postgresql", Kind::Postgresql),
            ("mysql", Kind::Mysql),
            ("sqlite", Kind::Sqlite),
            ("delta-sharing", Kind::DeltaSharing),
        ];
        fields.require(r, "kind", "write kind: postgresql, mysql (which MariaDB is, too), sqlite or delta-sharing");
        let kind = fields.choice(r, "kind", &kinds);
        let database = database(r, &mut fields, kind, tree.span);
        let schemas = Schemas::of(kind, database.as_ref());
        let nodes = fields.items(r, "tables");
        let tables = match &name {
            Some(name) => nodes.iter().filter_map(|node| table(r, node, &name.value, &schemas)).collect(),
            None => Vec::new(),
        };
        fields.accept_map(r, crate::merge::OVERRIDES);
        fields.finish(r);
        Some(Self { domain: folder.clone(), name: name?, description, database, tables })
    }
}

/// Where the database is. Every key is read, so that those that do not fit its kind are told as that and not as unknown.
fn database(r: &mut Reader<'_>, fields: &mut Fields<'_>, kind: Option<Kind>, span: Span) -> Option<Database> {
    let is_file = kind == Some(Kind::Sqlite);
    let (what, unfit) = kind.map(Kind::unfit).unwrap_or_default();
    for key in unfit {
        if let Some(entry) = fields.raw(key) {
            r.error(entry.span, "does-not-apply", key, format!("the database is {what}, which has no '{key}'")).help =
                Some("take it out".to_owned());
        }
    }
    let share = share::Written::read(r, fields);
    if kind == Some(Kind::DeltaSharing) {
        for key in [SERVER.as_slice(), &["file"]].concat() {
            fields.raw(key);
        }
        return share.received(r, fields, span).map(Box::new).map(Database::DeltaSharing);
    }
    let file = path(r, fields, "file");
    let host = fields.text(r, "host");
    let port = fields.parsed::<Count>(r, "port").and_then(|port| port_number(r, &port));
    let (name, user) = (fields.text(r, "database"), fields.text(r, "user"));
    let password = secret(r, fields, "password", "a password");
    let tls = fields.choice(r, "tls", &TLS).unwrap_or(Tls::Verify);
    let tls_root = path(r, fields, "tlsRoot");
    let kind = kind?;
    if is_file {
        if file.is_none() && !fields.has_any(&["file"]) {
            fields.missing(r, &["file"], "a connection to SQLite names a file", "write file: data/crm.db");
        }
        return file.map(Database::Sqlite);
    }
    let mut needed = |key: &'static str, text: Option<Spanned<String>>, help: &str| {
        match &text {
            None if !fields.has_any(&[key]) => {
                fields.missing_at(r, &[key], (span, key), format!("the connection has no '{key}'"), help);
            }
            Some(text) if text.value.is_empty() || text.value.contains('\0') => {
                r.error(text.span, "wrong-type", key, format!("'{key}' holds no name")).help = Some(help.to_owned());
                return None;
            }
            _ => {}
        }
        text
    };
    let host = needed("host", host, "write host: db.example.org");
    let database = needed("database", name, "write database: the database at the server");
    let user = needed("user", user, "write user: one that may do nothing but read what is declared");
    let host = host.filter(|host| is_host(r, host));
    let default_port = if kind == Kind::Postgresql { 5432 } else { 3306 };
    let server = DatabaseServer {
        host: host?.value,
        port: port.unwrap_or(default_port),
        database: database?.value,
        user: user?.value,
        password,
        tls,
        tls_root,
    };
    Some(if kind == Kind::Postgresql { Database::Postgresql(server) } else { Database::Mysql(server) })
}

fn port_number(r: &mut Reader<'_>, port: &Spanned<Count>) -> Option<u16> {
    let number = u16::try_from(port.value.0).ok().filter(|port| *port > 0);
    if number.is_none() {
        let message = "a port is a number from 1 to 65535";
        r.error(port.span, "wrong-type", &port.value.0.to_string(), message).help = Some("write the server's port".to_owned());
    }
    number
}

/// A name or an address, and nothing that could be read as more than that.
fn is_host(r: &mut Reader<'_>, host: &Spanned<String>) -> bool {
    let plain =
        mentions(&host.value) || host.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'));
    if !plain {
        let message = format!("{:?} is no host's name or address", host.value);
        r.error(host.span, "invalid-host", &host.value, message).help =
            Some("write the name alone, such as db.example.org; the port has a key of its own".to_owned());
    }
    plain
}

/// A secret is referred to. One that is written is not repeated in the fault.
fn secret(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str, what: &str) -> Option<SecretName> {
    let text = fields.text(r, key)?;
    let name = text.value.parse();
    let variables = SecretName::VARIABLES;
    match (&name, SecretReference::of_value(&text.value)) {
        // What is no reference at all is told where variables are.
        (Ok(_), _) | (Err(_), Some(Err(_))) => {}
        // Whoever may apply writes this file, and says where the secret is sent: what it is read from is for whoever runs polder to say.
        (Err(_), Some(Ok(reference))) => {
            let message = format!("a connection only names {what}, and does not say where that is kept");
            r.error(text.span, "secret-not-allowed", key, message).help =
                Some(format!("write ${{secret:NAME}}, and set {variables}NAME to {reference} in the environment of polder"));
        }
        (Err(_), None) => {
            let message = format!("{what} is not written into a file: this one refers to no secret");
            r.error(text.span, "secret-in-text", key, message).help =
                Some(format!("write ${{secret:NAME}}, and set {variables}NAME in the environment of polder"));
        }
    }
    name.ok()
}

/// A path in the mesh's folder, whatever file names it.
fn path(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
    let text = fields.text(r, key)?;
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    if mentions(&text.value) {
        return None;
    }
    if !text.value.contains(['\\', '\0', ':']) && text.value.split('/').all(plain) {
        return Some(text.value);
    }
    let message = format!("{:?} leads out of the mesh's folder, or into a hidden one", text.value);
    r.error(text.span, "path-escape", &text.value, message).help =
        Some("name a file by its path from polder.yaml, such as data/crm.db".to_owned());
    None
}

/// The schemas of tables that name none.
struct Schemas {
    /// In the metastore.
    known: Option<SchemaName>,
    /// In the database.
    source: String,
    /// Whether the database has no schemas, so that what is shown as one is a name alone.
    without: bool,
    /// Whether it is a share.
    of_share: bool,
}

impl Schemas {
    fn of(kind: Option<Kind>, database: Option<&Database>) -> Self {
        let source = match (kind, database) {
            (Some(Kind::Mysql), Some(Database::Mysql(server))) => server.database.clone(),
            (Some(Kind::Sqlite), _) => "main".to_owned(),
            (Some(Kind::DeltaSharing), _) => "default".to_owned(),
            _ => "public".to_owned(),
        };
        Self {
            known: SchemaName::new(&source).ok(),
            source,
            without: kind == Some(Kind::Sqlite),
            of_share: kind == Some(Kind::DeltaSharing),
        }
    }
}

fn table(r: &mut Reader<'_>, node: &Node, catalog: &DomainName, schemas: &Schemas) -> Option<Table> {
    let mut fields = r.fields(node, "a table")?;
    let name: Option<Spanned<ObjectName>> = fields.required(r, "name", "name the table");
    let schema: Option<Spanned<SchemaName>> = fields.parsed(r, "schema");
    let mut source = fields.fields(r, "source");
    let (source_schema, source_table) = match &mut source {
        Some(source) => (source.text(r, "schema"), source.text(r, "table")),
        None => (None, None),
    };
    if let Some(source) = source {
        source.finish(r);
    }
    for text in [&source_schema, &source_table].into_iter().flatten().filter(|text| text.value.contains('\0')) {
        r.error(text.span, "invalid-name", "source", "no database has a name with this character in it");
    }
    let description = fields.words(r, "description");
    let column_nodes = fields.items(r, "columns");
    let columns = column::read_all(r, column_nodes);
    let filter_nodes = fields.items(r, "rowFilters");
    let row_filters = filter_nodes.iter().filter_map(|node| row_filter(r, node)).collect();
    if columns.is_empty() {
        let written = fields.raw("columns").map_or(node.span, |entry| entry.span);
        let message = "a table shows at least one column: of those that the database has, the ones that are declared";
        fields.missing_at(r, &["columns"], (written, "columns"), message, "write columns: [{name: id, type: bigint}]");
    }
    let plain = |column: &Spanned<Column>| !is_nested(&column.value.data_type);
    for column in columns.iter().filter(|column| !plain(column)) {
        let (whose, help) = match schemas.of_share {
            true => ("a share", "leave it out, or have its columns shared one by one"),
            false => ("another database", "declare it as string: documents and lists come as text"),
        };
        let message = format!("a column of {whose} is no {}", column.value.data_type);
        r.error(column.span, "invalid-type", &column.value.name, message).help = Some(help.to_owned());
    }
    fields.finish(r);
    let name = name?;
    let known = schema.as_ref().map(|schema| schema.value.clone()).or_else(|| schemas.known.clone());
    let Some(known) = known else {
        let message = format!("'{}' is no schema's name here, so the table needs one", schemas.source);
        r.error(name.span, "missing-key", "schema", message).help = Some("write schema: main".to_owned());
        return None;
    };
    // A schema that is named is the database's own, too, where it has any and nothing else is said.
    let named = schema.filter(|_| !schemas.without).map(|schema| schema.value.to_string());
    let source_schema = source_schema.map(|text| text.value).or(named).unwrap_or_else(|| schemas.source.clone());
    let source_table = source_table.map_or_else(|| name.value.to_string(), |text| text.value);
    let table = TableName { catalog: catalog.clone(), schema: known, object: name.value };
    Some(Table { name: table, span: name.span, description, source_schema, source_table, columns, row_filters })
}

fn is_nested(data_type: &polder_model::DataType) -> bool {
    use polder_model::DataType::{Array, Map, Struct};
    matches!(data_type, Array { .. } | Map { .. } | Struct { .. })
}

//! Statements that change something, read and taken apart. Which queries a change of rows is made of is decided here too; who may do
//! it, and doing it, is the caller's.
//!
//! The grammar is Spark's and Unity Catalog's for objects and upkeep, the standard's for rows. What it does not know is refused: nothing
//! is passed over in silence.

mod change;
mod copying;
mod objects;
mod read;
mod rights;
mod rows;
mod upkeep;

use std::collections::BTreeMap;

use polder_model::Column;

pub use change::{Change, Insert, Probe, TARGET, filled};
pub use copying::CopyInto;
pub use read::read as read_command;

use crate::tables::{AsOf, TableParts};

/// A statement that changes something, or that says of a table or grant what no query says.
#[derive(Debug, Clone)]
pub enum Command {
    /// `GRANT` and `REVOKE`
    Grants(GrantChange),
    /// `SHOW GRANTS`
    ShowGrants {
        /// On what.
        on: Object,
        /// Of whom; of everybody whom the caller may be told of when `None`.
        of: Option<String>,
    },
    /// `CREATE SCHEMA`
    CreateSchema {
        /// Its name.
        name: TableParts,
        /// Whether one that is there already will do.
        if_not_exists: bool,
        /// What is in it.
        comment: String,
    },
    /// `CREATE TABLE`
    CreateTable(NewTable),
    /// `CREATE VIEW`
    CreateView(NewView),
    /// `CREATE VOLUME`
    CreateVolume {
        /// Its name.
        name: TableParts,
        /// Whether one that is there already will do.
        if_not_exists: bool,
        /// What it holds.
        comment: String,
    },
    /// `CREATE TABLE ... CLONE`
    Clone(CloneTable),
    /// `DROP`
    Drop {
        /// What goes.
        object: Object,
        /// Whether it is fine when there is none.
        if_exists: bool,
        /// Whether all that is in it goes too.
        cascade: bool,
    },
    /// `ALTER TABLE`, `ALTER VIEW` and `COMMENT ON`
    Alter {
        /// What changes.
        object: Object,
        /// How.
        alteration: Alteration,
    },
    /// `INSERT`
    Insert(Box<Insert>),
    /// `UPDATE`, `DELETE` and `MERGE`
    Change(Box<Change>),
    /// `COPY INTO`
    CopyInto(CopyInto),
    /// `OPTIMIZE`
    Optimize {
        /// Which table.
        table: TableParts,
    },
    /// `VACUUM`
    Vacuum {
        /// Which table.
        table: TableParts,
        /// How long files that no newest version needs are kept.
        retain_hours: Option<u64>,
        /// Whether to report only.
        dry_run: bool,
    },
    /// `DESCRIBE HISTORY`
    History {
        /// Of which table.
        table: TableParts,
        /// How many commits, the newest first.
        limit: Option<u64>,
    },
    /// `RESTORE TABLE`
    Restore {
        /// Which table.
        table: TableParts,
        /// To which of its states.
        to: AsOf,
    },
}

/// What a command needs of the credentials that it comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To look at things.
    Read,
    /// To write rows.
    Write,
    /// To change what there is, and who may see it.
    Apply,
}

impl Command {
    /// What it needs of the credentials that it comes with.
    #[must_use]
    pub const fn needs(&self) -> Need {
        match self {
            Self::ShowGrants { .. } | Self::History { .. } => Need::Read,
            Self::Insert(_)
            | Self::Change(_)
            | Self::CopyInto(_)
            | Self::Optimize { .. }
            | Self::Vacuum { .. }
            | Self::Restore { .. } => Need::Write,
            _ => Need::Apply,
        }
    }

    /// The words by which PostgreSQL's clients know that it is done; the rows that it changed follow those of rows.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Grants(change) if change.revokes => "REVOKE",
            Self::Grants(_) => "GRANT",
            Self::ShowGrants { .. } => "SHOW",
            Self::CreateSchema { .. } => "CREATE SCHEMA",
            Self::CreateTable(_) | Self::Clone(_) => "CREATE TABLE",
            Self::CreateView(_) => "CREATE VIEW",
            Self::CreateVolume { .. } => "CREATE VOLUME",
            Self::Drop { object, .. } => match object.kind {
                ObjectKind::Catalog => "DROP CATALOG",
                ObjectKind::Schema => "DROP SCHEMA",
                ObjectKind::View => "DROP VIEW",
                ObjectKind::Volume => "DROP VOLUME",
                ObjectKind::Table | ObjectKind::Metastore => "DROP TABLE",
            },
            Self::Alter { alteration: Alteration::Comment(_), .. } => "COMMENT",
            Self::Alter { object, .. } if object.kind == ObjectKind::View => "ALTER VIEW",
            Self::Alter { .. } => "ALTER TABLE",
            Self::Insert(_) => "INSERT 0",
            Self::Change(change) => change.verb(),
            Self::CopyInto(_) => "COPY",
            Self::Optimize { .. } => "OPTIMIZE",
            Self::Vacuum { .. } => "VACUUM",
            Self::History { .. } => "DESCRIBE",
            Self::Restore { .. } => "RESTORE",
        }
    }
}

/// What kind of object is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// The root.
    Metastore,
    /// A catalog.
    Catalog,
    /// A schema.
    Schema,
    /// A table, or whatever has the name where none is said.
    Table,
    /// A view.
    View,
    /// A volume.
    Volume,
}

impl ObjectKind {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metastore => "metastore",
            Self::Catalog => "catalog",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::View => "view",
            Self::Volume => "volume",
        }
    }
}

/// Something with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name; of no parts for the metastore.
    pub name: TableParts,
}

/// What is granted or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantChange {
    /// Whether it is taken away.
    pub revokes: bool,
    /// The privileges, as written.
    pub privileges: Vec<String>,
    /// On what.
    pub on: Object,
    /// The principals.
    pub principals: Vec<String>,
}

/// A table to be made.
#[derive(Debug, Clone)]
pub struct NewTable {
    /// Its name.
    pub name: TableParts,
    /// Whether its rows take the place of those of one that is there.
    pub or_replace: bool,
    /// Whether one that is there already will do.
    pub if_not_exists: bool,
    /// Its columns; none where the query says them.
    pub columns: Vec<Column>,
    /// The columns its folders are split by.
    pub partition_columns: Vec<String>,
    /// What it holds.
    pub comment: String,
    /// Properties.
    pub properties: BTreeMap<String, String>,
    /// The query whose rows it is filled with.
    pub query: Option<String>,
}

/// A view to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewView {
    /// Its name.
    pub name: TableParts,
    /// Whether it takes the place of one that is there.
    pub or_replace: bool,
    /// Whether one that is there already will do.
    pub if_not_exists: bool,
    /// Its columns' names; none where they are those of the query.
    pub columns: Vec<String>,
    /// What it shows.
    pub comment: String,
    /// The query.
    pub query: String,
}

/// A table to be made of another's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneTable {
    /// Its name.
    pub name: TableParts,
    /// Whether one that is there already will do.
    pub if_not_exists: bool,
    /// Whose files.
    pub source: TableParts,
    /// In which of its states; the newest when `None`.
    pub as_of: Option<AsOf>,
    /// Whether no byte is to be copied where that can be had.
    pub shallow: bool,
}

/// A change of an object.
#[derive(Debug, Clone)]
pub enum Alteration {
    /// Another name in the same schema.
    Rename(TableParts),
    /// More columns.
    AddColumns(Vec<Column>),
    /// Properties, those of the same keys in place of what is there.
    SetProperties(BTreeMap<String, String>),
    /// Properties that go.
    UnsetProperties(Vec<String>),
    /// A column's tags.
    Tags {
        /// Which column.
        column: String,
        /// The tags.
        tags: Vec<String>,
        /// Whether they go.
        unset: bool,
    },
    /// What it holds.
    Comment(String),
    /// Another query, of a view.
    Query(String),
}

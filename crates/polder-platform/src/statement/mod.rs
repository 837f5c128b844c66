//! Statements: those that read rows, and commands, which change something. Every door hands its SQL in here.
//!
//! A command has the rights of its caller and nothing more: each is an operation that other clients have too, decided and recorded in the
//! same place. What files declare is changed in the files.

mod answer;
mod clone;
mod incoming;
mod names;
mod objects;
mod replace;
mod revise;
mod rights;
mod rows;
mod turns;
mod upkeep;

use arrow::array::RecordBatch;
use polder_engine::command::Need;
use polder_engine::{Command, Prepared, QueryResult, ScalarValue, TableParts, read_command};
use polder_model::{DomainName, SchemaName, Securable, TableName};

use crate::catalog::{not_there, securable_named};
use crate::error::{Error, ErrorKind};
use crate::platform::Platform;
use crate::query::query_error;

pub(crate) use answer::schema;
pub use incoming::Incoming;
pub(crate) use rows::notes;
pub(crate) use turns::{Queues, Turn};

/// What a statement came to.
pub enum Answer {
    /// Rows.
    Rows(QueryResult),
    /// Something was done.
    Done(Done),
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Done {
    /// The words by which clients of PostgreSQL know it: `INSERT 0`, `CREATE TABLE`.
    pub tag: &'static str,
    /// How many rows changed, of what counts them.
    pub rows: Option<u64>,
    /// The same as a row, for whoever asked for rows.
    pub told: RecordBatch,
}

impl Answer {
    /// It as rows.
    #[must_use]
    pub fn into_rows(self) -> QueryResult {
        match self {
            Self::Rows(rows) => rows,
            Self::Done(done) => QueryResult::of(done.told),
        }
    }
}

impl Platform {
    /// Answers a statement, or does what it says.
    ///
    /// # Errors
    /// When it is wrong, names what is not there, or does what the caller or its credentials may not.
    pub async fn statement(&self, sql: &str, values: Vec<ScalarValue>) -> Result<Answer, Error> {
        let Some(command) = read_command(sql).map_err(query_error)? else {
            return Ok(Answer::Rows(Box::pin(self.select(sql, values)).await?));
        };
        if command.needs() == Need::Read {
            return Ok(Answer::Rows(self.look(command, &values).await?));
        }
        self.demand_scope(command.needs())?;
        // What any of them may need is too much for the stack of whoever waits.
        Box::pin(self.execute(command, values, sql)).await
    }

    /// The rows of a command that only reads.
    pub(crate) async fn look(&self, command: Command, values: &[ScalarValue]) -> Result<QueryResult, Error> {
        takes_none(values)?;
        let rows = match command {
            Command::ShowGrants { on, of } => self.show_grants(&on, of.as_deref()).await?,
            Command::History { table, limit } => self.history_named(&table, limit).await?,
            other => return Err(Error::new(ErrorKind::Invalid, format!("{} is no statement that reads", other.tag()))),
        };
        Ok(QueryResult::of(rows))
    }

    async fn execute(&self, command: Command, values: Vec<ScalarValue>, sql: &str) -> Result<Answer, Error> {
        if !matches!(command, Command::Insert(_) | Command::Change(_)) {
            takes_none(&values)?;
        }
        let tag = command.tag();
        let done = |told: RecordBatch| Answer::Done(Done { tag, rows: None, told });
        Ok(match command {
            Command::Grants(change) => done(self.change_grants(&change).await?),
            Command::CreateSchema { name, if_not_exists, comment } => {
                done(self.make_schema(&name, if_not_exists, comment).await?)
            }
            Command::CreateVolume { name, if_not_exists, comment } => {
                done(self.make_volume(&name, if_not_exists, comment).await?)
            }
            Command::CreateTable(new) => self.make_table(new, sql).await?,
            Command::CreateView(new) => done(self.make_view(new).await?),
            Command::Clone(clone) => done(self.clone_table(&clone).await?),
            Command::Drop { object, if_exists, cascade } => done(self.drop_named(&object, if_exists, cascade).await?),
            Command::Alter { object, alteration } => done(self.alter_named(&object, alteration).await?),
            Command::Insert(insert) => self.insert_rows(&insert, &values, sql).await?,
            Command::Change(change) => self.change_rows(&change, &values, sql).await?,
            Command::CopyInto(copy) => {
                let copied = self.copy_into(&copy, &table_name(&copy.table)?, sql).await?;
                Answer::Done(Done { tag, rows: Some(copied.rows), told: answer::copied(&copied)? })
            }
            Command::Optimize { table } => done(self.optimize_named(&table).await?),
            Command::Vacuum { table, retain_hours, dry_run } => done(self.vacuum_named(&table, retain_hours, dry_run).await?),
            Command::Restore { table, to } => self.restore_table(&table, to, sql).await?,
            reads @ (Command::ShowGrants { .. } | Command::History { .. }) => Answer::Rows(self.look(reads, &[]).await?),
        })
    }

    /// Says what a statement would give, and which values it takes. Nothing is done.
    ///
    /// # Errors
    /// When it is wrong, names what is not there, or does what the caller or its credentials may not.
    pub async fn prepare_statement(&self, sql: &str) -> Result<Preparation, Error> {
        let Some(command) = read_command(sql).map_err(query_error)? else {
            return Ok(Preparation { prepared: Box::pin(self.prepare_select(sql)).await?, reads: true });
        };
        self.demand_scope(command.needs())?;
        let reads = command.needs() == Need::Read;
        let parameters = match &command {
            Command::Insert(insert) => Box::pin(self.insert_takes(insert)).await?,
            Command::Change(change) => Box::pin(self.change_takes(change)).await?,
            _ => Vec::new(),
        };
        Ok(Preparation { prepared: Prepared { schema: schema(&command), parameters }, reads })
    }

    /// Refuses what the credentials are not good for, whoever shows them.
    fn demand_scope(&self, needs: Need) -> Result<(), Error> {
        let (has, scope) = match needs {
            Need::Read => (true, "query"),
            Need::Write => (self.identity.writes, "write"),
            Need::Apply => (self.identity.applies, "apply"),
        };
        if has {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Denied, format!("the token is not good for this: it lacks the scope {scope}"))
            .with_hint(format!("use a token that has it: `polder token create --label WORDS --scope query,{scope}`")))
    }
}

/// What a statement would give, and which values it takes.
#[derive(Debug, Clone)]
pub struct Preparation {
    /// The columns of its rows and the types of its values.
    pub prepared: Prepared,
    /// Whether it only reads: then it may be begun to find out what it gives.
    pub reads: bool,
}

/// Refuses values where there is no place for them.
fn takes_none(values: &[ScalarValue]) -> Result<(), Error> {
    if values.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "this statement takes no values: write them into it"))
}

/// A table's name, as a statement has it.
fn table_name(name: &TableParts) -> Result<TableName, Error> {
    name.to_string().parse().map_err(|_| match name.parts().len() {
        3 => not_there(&name.to_string()),
        _ => Error::new(ErrorKind::Invalid, format!("{name} is not whole: a name has three parts, catalog.schema.object")),
    })
}

/// A schema's name, as a statement has it.
fn schema_name(name: &TableParts) -> Result<(DomainName, SchemaName), Error> {
    match securable_named("schema", &name.to_string())? {
        Securable::Schema(catalog, schema) => Ok((catalog, schema)),
        _ => Err(not_there(&name.to_string())),
    }
}

//! `polder query`: SQL from the command line, a file or a pipe; a shell when there is none of these.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

use crate::client::Client;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::render::rows::{RowForm, Sink};
use crate::shell;

mod destination;

use destination::Destination;

/// Ask a question in SQL, or start a shell to ask many
///
/// Tables go by their names, `<domain>.<layer>.<dataset>_<version>`. What you may not read does not exist, `pii` columns are masked
/// unless you have the PII level, and row filters apply. SQL comes from the argument, a file or a pipe, several statements ending in
/// `;`; with none of these a shell starts. Rows are written as they come, and Ctrl-C stops the query.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder query \"select * from finance.bronze.customer_v1 limit 5\"
  polder query --as ana \"select full_name from finance.bronze.customer_v1 limit 5\"
  polder query --file report.sql --output csv > report.csv
  echo 'select 1' | polder query --output json
  polder query \"select * from ecommerce.bronze.orders_v2\" --to orders.parquet
  polder query \"select * from finance.bronze.customer_v1 version as of 1\"
  polder query                         # a shell; \\? lists its commands")]
pub(crate) struct Args {
    /// The query
    #[arg(value_name = "SQL", conflicts_with = "file")]
    sql: Option<String>,

    /// Read the query from a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The form of the rows [default: what the ending of `--to` says, or table without it]
    #[arg(short, long, value_enum)]
    output: Option<RowForm>,

    /// Write the rows to a file; .csv, .json, .ndjson and .parquet say the form. A device or pipe is written as the rows come
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let form = self.output.map_or_else(|| form_of(self.to.as_deref()), Ok)?;
        if form == RowForm::Parquet && self.to.is_none() && context::stdout_is_terminal() {
            let message = "Parquet is not for reading on a terminal";
            return Err(Failure::new(Exit::Invalid, message, "add `--to FILE`, or pipe it somewhere").into());
        }
        let sql = match (self.sql, &self.file) {
            (Some(sql), _) => sql,
            (None, Some(file)) => std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?,
            (None, None) if context::stdin_is_terminal() => return shell::run(context, form),
            (None, None) => piped()?,
        };
        let statements = shell::statements(&sql);
        if statements.is_empty() {
            return Err(Failure::new(Exit::Invalid, "the query is empty", "try `polder query \"select 1\"`").into());
        }
        if statements.len() > 1 && self.to.is_some() {
            let message = format!("{} queries do not go into one file", statements.len());
            return Err(Failure::new(Exit::Invalid, message, "give one query for each file").into());
        }
        context.block_on_query(async {
            let client = context.client().await?;
            for sql in statements {
                match &self.to {
                    Some(file) => save(&client, context, sql, form, file).await?,
                    None => show(&client, sql, form).await?,
                }
            }
            Ok(Exit::Ok)
        })
    }
}

/// The form that is not said: what a file's ending says, and a table where there is no file.
fn form_of(file: Option<&Path>) -> Result<RowForm, Failure> {
    let Some(file) = file.filter(|file| !destination::is_stream(file)) else { return Ok(RowForm::Table) };
    RowForm::of_file(file).ok_or_else(|| {
        let message = format!("the ending of {} says no form of rows", file.display());
        let hint = "end it in .csv, .json, .ndjson, .jsonl or .parquet, or say the form with `--output`";
        Failure::new(Exit::Invalid, message, hint)
    })
}

fn unreadable(file: &Path, error: io::Error) -> anyhow::Error {
    let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Invalid };
    let message = format!("cannot read the query in {}", file.display());
    Failure::new(exit, message, "name a file of SQL in UTF-8").because(error).into()
}

fn piped() -> anyhow::Result<String> {
    let mut sql = String::new();
    io::stdin().read_to_string(&mut sql).context("cannot read the query from the pipe")?;
    Ok(sql)
}

/// Runs one query and writes its rows on stdout.
pub(crate) async fn show(client: &Client, sql: &str, form: RowForm) -> anyhow::Result<()> {
    let width = comfy_table::Table::new().width().map(usize::from);
    let (out, closed) = Watched::new(io::stdout());
    let result = stream(client, sql, form, BufWriter::with_capacity(64 << 10, out), width).await;
    if closed.load(Ordering::Relaxed) { Err(io::Error::from(io::ErrorKind::BrokenPipe).into()) } else { result }
}

/// Runs one query and writes its rows into a file.
async fn save(client: &Client, context: &Context, sql: &str, form: RowForm, file: &Path) -> anyhow::Result<()> {
    let destination = Destination::open(file, context.root().and_then(|root| Ok(root.canonicalize()?)).ok().as_deref())?;
    let out = BufWriter::with_capacity(1 << 20, destination.file());
    stream(client, sql, form, out, None).await?;
    destination.finish().with_context(|| format!("cannot write {}", file.display()))
}

async fn stream(client: &Client, sql: &str, form: RowForm, out: impl Write + Send, width: Option<usize>) -> anyhow::Result<()> {
    let mut rows = client.query(sql).await?;
    let mut sink = Sink::begin(form, out, rows.schema(), width)?;
    while let Some(batch) = rows.next().await? {
        sink.write(&batch)?;
    }
    sink.finish()
}

/// A writer that notes when its reader has gone away: some of what writes rows tells that in words only.
struct Watched<W> {
    out: W,
    closed: Arc<AtomicBool>,
}

impl<W: Write> Watched<W> {
    fn new(out: W) -> (Self, Arc<AtomicBool>) {
        let closed = Arc::new(AtomicBool::new(false));
        (Self { out, closed: closed.clone() }, closed)
    }

    fn watch<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.closed.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.watch(flushed)
    }
}

//! The interactive shell: SQL that may go over several lines, and commands that begin with `\`.

mod complete;
mod input;

use std::path::{Path, PathBuf};
use std::time::Instant;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::commands::{describe, ls, query};
use crate::context::{self, Context, say};
use crate::failure::{self, Exit};
use crate::interrupt;
use crate::render::rows::RowForm;
use crate::render::{self, error, units};

use complete::SqlHelper;
pub(crate) use input::statements;
use input::{is_complete, is_exit};

/// How many lines the history keeps.
const HISTORY_LINES: usize = 5000;

const HELP: &str = "\
  select ...;     run a query; it may go over several lines, up to the ;
  \\d              list what you may see
  \\d NAME         show the columns of a table
  \\timing         show how long each query took, or stop showing it
  \\?              this help
  \\q              leave; exit, quit and Ctrl-D do too
Ctrl-C stops the query that runs, or drops the line that is typed. Tab completes names, columns and keywords.";

/// Reads and answers until the end of the input.
pub(crate) fn run(context: &Context, form: RowForm) -> anyhow::Result<Exit> {
    let runtime = context::runtime()?;
    let client = runtime.block_on(interrupt::or_interrupted(interrupt::Kind::Resumable, context.client()))?;
    let names = runtime.block_on(interrupt::or_interrupted(interrupt::Kind::Resumable, client.objects()))?;
    let mut editor = editor(SqlHelper::new(&names))?;
    let history = context.root().unwrap_or_default().join(".polder").join("history");
    // No history yet is how every first session begins.
    drop(editor.load_history(&history));
    let who = context.act_as.as_ref().map_or_else(|| "the local account admin".to_owned(), ToString::to_string);
    say(format_args!("{} as {who}; \\? for help, \\q to leave", client.environment()));
    let mut session = Session { context, runtime, client, form, timing: false };
    let outcome = session.converse(&mut editor);
    save(&mut editor, &history);
    outcome
}

fn editor(helper: SqlHelper) -> anyhow::Result<Editor<SqlHelper, FileHistory>> {
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(HISTORY_LINES)?.build();
    let mut editor = Editor::with_history(config.clone(), FileHistory::with_config(&config))?;
    editor.set_helper(Some(helper));
    Ok(editor)
}

fn save(editor: &mut Editor<SqlHelper, FileHistory>, path: &Path) {
    let folder: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let saved = std::fs::create_dir_all(folder).map_err(ReadlineError::from).and_then(|()| editor.save_history(path));
    if let Err(error) = saved {
        say(format_args!("the history was not saved: {error}"));
    }
}

/// Whether the shell goes on.
#[derive(PartialEq, Eq)]
enum Next {
    More,
    Leave,
}

/// What stands before what is typed: the environment, and below it an arrow while a statement is not ended.
struct Prompts {
    first: String,
    next: String,
}

impl Prompts {
    fn new(environment: &str) -> Self {
        let first = format!("{environment}> ");
        let next = format!("{:>width$}", "-> ", width = first.chars().count());
        Self { first, next }
    }
}

/// Reads lines until they are a command or end a statement; `None` at the end of the input. Ctrl-C drops what is typed.
fn read(editor: &mut Editor<SqlHelper, FileHistory>, prompts: &Prompts) -> anyhow::Result<Option<String>> {
    let mut text = String::new();
    loop {
        match editor.readline(if text.is_empty() { &prompts.first } else { &prompts.next }) {
            Ok(line) => text.push_str(&line),
            Err(ReadlineError::Interrupted) => {
                text.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        if is_complete(&text) {
            return Ok(Some(text));
        }
        text.push('\n');
    }
}

struct Session<'a> {
    context: &'a Context,
    runtime: &'static Runtime,
    client: Client,
    form: RowForm,
    timing: bool,
}

impl Session<'_> {
    fn converse(&mut self, editor: &mut Editor<SqlHelper, FileHistory>) -> anyhow::Result<Exit> {
        let prompts = Prompts::new(self.client.environment().as_str());
        while let Some(text) = read(editor, &prompts)? {
            if text.trim().is_empty() {
                continue;
            }
            editor.add_history_entry(text.trim())?;
            match self.answer(text.trim()) {
                Ok(Next::More) => {}
                Ok(Next::Leave) => return Ok(Exit::Ok),
                Err(error) if failure::is_broken_pipe(&error) => return Ok(Exit::Ok),
                Err(error) => context::say_exact(&error::describe(&error, self.context.color_err)),
            }
        }
        Ok(Exit::Ok)
    }

    /// Runs what was typed.
    fn answer(&mut self, line: &str) -> anyhow::Result<Next> {
        if is_exit(line) {
            return Ok(Next::Leave);
        }
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("\\?"), _) => render::text(&format!("{HELP}\n"))?,
            (Some("\\timing"), _) => self.switch_timing(),
            (Some("\\d"), None) => self.list()?,
            (Some("\\d"), Some(name)) => self.describe(name.trim_end_matches(';'))?,
            (Some(word), _) if word.starts_with('\\') => say(format_args!("there is no command {word}; \\? lists them")),
            _ => statements(line).into_iter().try_for_each(|sql| self.query(sql))?,
        }
        Ok(Next::More)
    }

    fn until_interrupted<T>(
        &self,
        kind: interrupt::Kind,
        operation: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.runtime.block_on(interrupt::or_interrupted(kind, operation))
    }

    fn switch_timing(&mut self) {
        self.timing = !self.timing;
        say(if self.timing { "timing is on" } else { "timing is off" });
    }

    fn list(&self) -> anyhow::Result<()> {
        render::text(&self.until_interrupted(interrupt::Kind::Resumable, ls::text(&self.client))?)
    }

    fn describe(&self, name: &str) -> anyhow::Result<()> {
        let object = self.until_interrupted(interrupt::Kind::Resumable, self.client.describe(name))?;
        render::text(&describe::text(&object))
    }

    fn query(&self, sql: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.until_interrupted(interrupt::Kind::Query, query::show(&self.client, sql, self.form))?;
        if self.timing {
            say(units::seconds(begun.elapsed().as_secs_f64()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Prompts;

    #[test]
    fn a_statement_goes_on_below_its_beginning() {
        let prompts = Prompts::new("prod");
        assert_eq!((prompts.first.as_str(), prompts.next.as_str()), ("prod> ", "   -> "));
    }
}

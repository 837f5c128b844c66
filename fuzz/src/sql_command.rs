//! Statements that change something.

use polder_engine::command::{Alteration, Command};
use polder_engine::read_command;

use crate::postgres_sql::column;
use crate::within;

/// What a text of a few kilobytes may be held in.
const HELD_BYTES: usize = 256 << 20;

/// Nothing is needed.
pub fn prepare() {}

/// Takes a statement.
///
/// # Panics
/// When what is made of it reads otherwise the second time.
pub fn run(sent: &[u8]) {
    let Ok(text) = std::str::from_utf8(sent) else { return };
    within(HELD_BYTES, || {
        let Ok(Some(command)) = read_command(text) else { return };
        let _answered = (command.tag(), command.needs());
        made_of(&command);
    });
}

fn made_of(command: &Command) {
    let columns = [column("id", "bigint"), column("name", "string"), column("amount", "decimal(10,2)")];
    match command {
        Command::CreateView(view) => stays(&view.query),
        Command::CreateTable(table) => table.query.iter().for_each(|query| stays(query)),
        Command::Alter { alteration: Alteration::Query(query), .. } => stays(query),
        Command::Insert(insert) => {
            if let Ok(probe) = insert.rows(&columns) {
                stays(&probe.sql);
            }
        }
        Command::Change(change) => {
            let texts = [
                change.probe(&columns).ok().map(|probe| probe.sql),
                Some(change.touched("a \"file\"")),
                change.ambiguous(),
                change.affected(),
                change.rewritten(&columns).ok(),
                change.inserted(&columns).ok().flatten(),
                change.feed(&columns).ok(),
            ];
            texts.iter().flatten().filter_map(|text| read_again(text)).for_each(|query| stays(&query));
        }
        _ => {}
    }
}

/// A query is kept in words that mean the same when they are read again.
fn stays(query: &str) {
    if let Some(again) = read_again(query) {
        assert_eq!(again, query, "a query is kept as it reads");
    }
}

/// A query as it is kept. `None` where it cannot be read: the parser takes some things that it does not write out again as it takes
/// them, and whoever runs those is told so.
fn read_again(query: &str) -> Option<String> {
    match read_command(&format!("CREATE VIEW a.b.c AS {query}")) {
        Ok(Some(Command::CreateView(view))) => Some(view.query),
        Err(_) => None,
        other => panic!("{query:?} is read again as {other:?}"),
    }
}

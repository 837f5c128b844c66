//! Statements that are no queries: transactions, settings, cursors, prepared statements, COPY. Recognised by their words.

use datafusion::sql::sqlparser::tokenizer::Token;
use polder_engine::command::Need;

use super::copying::{self, Copying, CopyingIn};
use super::pieces::{Piece, Placed};
use crate::fault::{self, Fault};

/// What a statement asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Rows, by the statement's own text.
    Query,
    /// Something is changed, by the statement's own text.
    Change,
    Begin,
    Commit,
    Rollback,
    RollbackTo(String),
    Savepoint(String),
    Release(String),
    /// A setting is to be what is said, or what it was at first.
    Set {
        name: String,
        value: Option<String>,
        local: bool,
    },
    Reset(Option<String>),
    Show(Option<String>),
    /// What a session keeps is to be forgotten: all of it, or some kind.
    Discard {
        all: bool,
    },
    Prepare {
        name: String,
        sql: String,
    },
    Execute {
        name: String,
        arguments: Vec<Option<String>>,
    },
    Deallocate(Option<String>),
    Declare {
        name: String,
        hold: bool,
        sql: String,
    },
    Fetch {
        cursor: String,
        rows: Amount,
        moves: bool,
    },
    Close(Option<String>),
    Copy(Copying),
    CopyIn(CopyingIn),
    /// Nothing that matters here. The word is the tag.
    Accepted(&'static str),
}

/// How many rows of a cursor are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    Rows(u64),
    All,
}

impl Command {
    /// Recognises a statement.
    pub(crate) fn of(piece: &Piece) -> Result<Self, Fault> {
        let mut words = Words { piece, at: 0 };
        let first = words.word();
        match first.as_str() {
            "BEGIN" => words.any().and(Ok(Self::Begin)),
            "START" => words.expect("TRANSACTION").and(Ok(Self::Begin)),
            "COMMIT" | "END" if words.peek() == "PREPARED" => Err(two_phases()),
            "COMMIT" | "END" => words.any().and(Ok(Self::Commit)),
            "ABORT" => Ok(Self::Rollback),
            "ROLLBACK" => words.rollback(),
            "SAVEPOINT" => words.only_name().map(Self::Savepoint),
            "RELEASE" => {
                words.skip("SAVEPOINT");
                words.only_name().map(Self::Release)
            }
            "SET" => words.set(),
            "RESET" => match words.setting()?.as_str() {
                "all" => Ok(Self::Reset(None)),
                name => Ok(Self::Reset(Some(name.to_owned()))),
            },
            // The engine's own.
            "SHOW" if matches!(words.peek().as_str(), "TABLES" | "COLUMNS" | "FUNCTIONS" | "GRANTS") => Ok(Self::Query),
            "SHOW" => match words.setting()?.as_str() {
                "all" => Ok(Self::Show(None)),
                name => Ok(Self::Show(Some(name.to_owned()))),
            },
            "DISCARD" => match words.word().as_str() {
                "ALL" => Ok(Self::Discard { all: true }),
                "PLANS" | "SEQUENCES" | "TEMP" | "TEMPORARY" => Ok(Self::Discard { all: false }),
                _ => Err(words.wrong("say what to discard: ALL, PLANS, SEQUENCES or TEMP")),
            },
            "PREPARE" if words.peek() == "TRANSACTION" => Err(two_phases()),
            "PREPARE" => words.prepare(),
            "EXECUTE" => words.execute(),
            "DEALLOCATE" => {
                words.skip("PREPARE");
                words.name_or_all().map(Self::Deallocate)
            }
            "DECLARE" => words.declare(),
            "FETCH" => words.fetch(false),
            "MOVE" => words.fetch(true),
            "CLOSE" => words.name_or_all().map(Self::Close),
            "COPY" if words.peek() != "INTO" => copying::read(piece),
            "LISTEN" => Ok(Self::Accepted("LISTEN")),
            "UNLISTEN" => Ok(Self::Accepted("UNLISTEN")),
            "NOTIFY" => Err(Fault::new(fault::NOT_SUPPORTED, "nobody can be notified here").hint("leave it out")),
            word => match (polder_engine::read_command(&piece.sql), refused(word, &words.peek())) {
                (Ok(Some(command)), _) if command.needs() == Need::Read => Ok(Self::Query),
                (Ok(Some(_)), _) => Ok(Self::Change),
                (Ok(None), None) => Ok(Self::Query),
                (Err(error), None) => Err(Fault::from(&error)),
                (Ok(None), Some(what)) => Err(Fault::not_here(&what)),
                // What there is here in another form is said to be wrong where it is; of the rest, that there is none.
                (Err(_), Some(what)) if is_unknown(word, &words.peek()) => Err(Fault::not_here(&what)),
                (Err(error), Some(_)) => Err(Fault::from(&error)),
            },
        }
    }
}

fn two_phases() -> Fault {
    Fault::new(fault::NOT_SUPPORTED, "transactions have one phase here").hint("use COMMIT")
}

/// Whether a PostgreSQL has a command that is none here in any form.
fn is_unknown(word: &str, next: &str) -> bool {
    let ours = ["TABLE", "VIEW", "SCHEMA", "DATABASE", "VOLUME", "CATALOG", "OR"];
    matches!(word, "CREATE" | "DROP" | "ALTER") && !ours.contains(&next)
}

/// What a statement would change, if it would: said as PostgreSQL says it of a standby.
fn refused(word: &str, next: &str) -> Option<String> {
    match word {
        "CREATE" | "DROP" | "ALTER" if next.is_empty() => Some(word.to_owned()),
        "CREATE" | "DROP" | "ALTER" => {
            let kind = match next {
                "TEMP" | "TEMPORARY" | "LOCAL" | "GLOBAL" | "UNLOGGED" => "TABLE",
                "OR" | "MATERIALIZED" => "VIEW",
                "UNIQUE" => "INDEX",
                other => other,
            };
            Some(format!("{word} {kind}"))
        }
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" | "GRANT" | "REVOKE" | "COMMENT" | "ANALYZE" | "VACUUM"
        | "REINDEX" | "CLUSTER" | "REFRESH" | "LOCK" | "DO" | "CALL" | "IMPORT" | "SECURITY" | "REASSIGN" | "CHECKPOINT"
        | "LOAD" => Some(word.to_owned()),
        _ => None,
    }
}

/// A statement's tokens, one after the other.
struct Words<'a> {
    piece: &'a Piece,
    at: usize,
}

impl Words<'_> {
    fn token(&self) -> Option<&Token> {
        self.piece.tokens.get(self.at).map(|placed| &placed.token)
    }

    /// The next token as a word in capitals; empty when it is none.
    fn peek(&self) -> String {
        match self.token() {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    fn word(&mut self) -> String {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn skip(&mut self, word: &str) -> bool {
        let is = self.peek() == word;
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, word: &str) -> Result<(), Fault> {
        if self.skip(word) { Ok(()) } else { Err(self.wrong(&format!("{word} was expected"))) }
    }

    /// Whatever else a statement says that changes nothing here, as the modes of a transaction.
    fn any(&mut self) -> Result<(), Fault> {
        self.at = self.piece.tokens.len();
        Ok(())
    }

    fn end(&self) -> Result<(), Fault> {
        if self.token().is_none() { Ok(()) } else { Err(self.wrong("the statement goes on after its end")) }
    }

    fn wrong(&self, message: &str) -> Fault {
        let near = self.piece.tokens.get(self.at).or(self.piece.tokens.last());
        let near = near.map(|placed| &self.piece.sql[placed.start..placed.end]).unwrap_or_default();
        Fault::new(fault::SYNTAX, format!("syntax error at or near {near:?}: {message}"))
    }

    /// A name: as it is in quotes, else in lower case.
    fn name(&mut self) -> Result<String, Fault> {
        let name = match self.token() {
            Some(Token::Word(word)) if word.quote_style.is_some() => word.value.clone(),
            Some(Token::Word(word)) => word.value.to_lowercase(),
            _ => return Err(self.wrong("a name was expected")),
        };
        self.at += 1;
        Ok(name)
    }

    fn only_name(&mut self) -> Result<String, Fault> {
        let name = self.name()?;
        self.end()?;
        Ok(name)
    }

    fn name_or_all(&mut self) -> Result<Option<String>, Fault> {
        if self.skip("ALL") {
            return self.end().and(Ok(None));
        }
        self.only_name().map(Some)
    }

    fn rollback(&mut self) -> Result<Command, Fault> {
        if self.peek() == "PREPARED" {
            return Err(two_phases());
        }
        if !self.skip("WORK") {
            self.skip("TRANSACTION");
        }
        if self.skip("TO") {
            self.skip("SAVEPOINT");
            return self.only_name().map(Command::RollbackTo);
        }
        Ok(Command::Rollback)
    }

    /// A setting's name, which may have a dot, or one of those that are several words.
    fn setting(&mut self) -> Result<String, Fault> {
        if self.skip("TIME") {
            self.expect("ZONE")?;
            return self.end().and(Ok("timezone".to_owned()));
        }
        if self.skip("TRANSACTION") {
            self.expect("ISOLATION")?;
            self.expect("LEVEL")?;
            return Ok("transaction_isolation".to_owned());
        }
        if self.skip("SESSION") {
            self.expect("AUTHORIZATION")?;
            return Ok("session_authorization".to_owned());
        }
        let name = self.setting_name()?;
        self.end()?;
        Ok(name)
    }

    fn setting_name(&mut self) -> Result<String, Fault> {
        let mut name = self.name()?;
        while self.token() == Some(&Token::Period) {
            self.at += 1;
            name = format!("{name}.{}", self.name()?);
        }
        Ok(name)
    }

    fn set(&mut self) -> Result<Command, Fault> {
        let local = self.skip("LOCAL");
        if self.skip("SESSION") {
            if self.skip("CHARACTERISTICS") {
                return Ok(Command::Accepted("SET"));
            }
            if self.skip("AUTHORIZATION") {
                return self.whom("session authorization");
            }
        }
        if self.skip("TRANSACTION") || self.skip("CONSTRAINTS") {
            return Ok(Command::Accepted("SET"));
        }
        if self.skip("TIME") {
            self.expect("ZONE")?;
            let value = self.values()?.filter(|value| !value.eq_ignore_ascii_case("local"));
            return Ok(Command::Set { name: "timezone".to_owned(), value, local });
        }
        if self.skip("NAMES") {
            let value = self.values()?;
            return Ok(Command::Set { name: "client_encoding".to_owned(), value, local });
        }
        if self.skip("ROLE") {
            return self.whom("role");
        }
        let name = self.setting_name()?;
        if self.token() == Some(&Token::Eq) {
            self.at += 1;
        } else {
            self.expect("TO")?;
        }
        Ok(Command::Set { name, value: self.values()?, local })
    }

    /// Being somebody else is no setting.
    fn whom(&mut self, what: &str) -> Result<Command, Fault> {
        match self.values()? {
            None => Ok(Command::Accepted("SET")),
            Some(name) if name.eq_ignore_ascii_case("none") => Ok(Command::Accepted("SET")),
            Some(name) => {
                let fault = Fault::new(fault::NOT_ALLOWED, format!("permission denied to set {what} {name:?}"));
                Err(fault.hint("connect as whom you want to be"))
            }
        }
    }

    /// The values of a setting, with commas between; `None` for its default.
    fn values(&mut self) -> Result<Option<String>, Fault> {
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            match self.token() {
                Some(Token::Comma) => self.at += 1,
                None => break,
                Some(_) => return Err(self.wrong("the statement goes on after its end")),
            }
        }
        match values.as_slice() {
            [None] => Ok(None),
            _ => Ok(Some(values.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(", "))),
        }
    }

    fn value(&mut self) -> Result<Option<String>, Fault> {
        let negative = self.token() == Some(&Token::Minus);
        self.at += usize::from(negative);
        let value = match self.token() {
            Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default") => None,
            // In quotes it is a name, and stays one.
            Some(Token::Word(word)) if word.quote_style.is_some() => Some(format!("\"{}\"", word.value)),
            Some(Token::Word(word)) => Some(word.value.clone()),
            Some(Token::Number(number, _)) => Some(format!("{}{number}", if negative { "-" } else { "" })),
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => Some(text.clone()),
            _ => return Err(self.wrong("a value was expected")),
        };
        self.at += 1;
        Ok(value)
    }

    /// The text from here to the end.
    fn rest(&mut self) -> Result<String, Fault> {
        let Some(Placed { start, .. }) = self.piece.tokens.get(self.at) else { return Err(self.wrong("a query was expected")) };
        Ok(self.piece.sql[*start..].to_owned())
    }

    fn prepare(&mut self) -> Result<Command, Fault> {
        let name = self.name()?;
        if self.token() == Some(&Token::LParen) {
            // The types are what the query makes of its parameters.
            while !matches!(self.token(), None | Some(Token::RParen)) {
                self.at += 1;
            }
            self.at += 1;
        }
        self.expect("AS")?;
        Ok(Command::Prepare { name, sql: self.rest()? })
    }

    fn execute(&mut self) -> Result<Command, Fault> {
        let name = self.name()?;
        let mut arguments = Vec::new();
        if self.token() == Some(&Token::LParen) {
            loop {
                self.at += 1;
                let null = self.peek() == "NULL";
                let value = self.value()?;
                arguments.push(value.filter(|_| !null));
                match self.token() {
                    Some(Token::Comma) => {}
                    Some(Token::RParen) => break,
                    _ => return Err(self.wrong("only plain values are arguments")),
                }
            }
            self.at += 1;
        }
        self.end()?;
        Ok(Command::Execute { name, arguments })
    }

    fn declare(&mut self) -> Result<Command, Fault> {
        let name = self.name()?;
        loop {
            match self.word().as_str() {
                "BINARY" => {
                    return Err(Fault::new(fault::NOT_SUPPORTED, "cursors are not binary here")
                        .hint("ask for binary values when you fetch"));
                }
                "INSENSITIVE" | "ASENSITIVE" | "SCROLL" | "NO" => {}
                "CURSOR" => break,
                _ => return Err(self.wrong("CURSOR was expected")),
            }
        }
        let mut hold = false;
        if self.skip("WITH") {
            hold = true;
            self.expect("HOLD")?;
        } else if self.skip("WITHOUT") {
            self.expect("HOLD")?;
        }
        self.expect("FOR")?;
        Ok(Command::Declare { name, hold, sql: self.rest()? })
    }

    fn fetch(&mut self, moves: bool) -> Result<Command, Fault> {
        let only_forward =
            || Fault::new(fault::WRONG_STATE, "cursor can only scan forward").hint("declare another cursor to begin anew");
        let mut rows = Amount::Rows(1);
        match self.peek().as_str() {
            "NEXT" => self.at += 1,
            "PRIOR" | "FIRST" | "LAST" | "ABSOLUTE" | "RELATIVE" | "BACKWARD" => return Err(only_forward()),
            "FORWARD" => {
                self.at += 1;
                rows = self.amount()?.unwrap_or(rows);
            }
            _ => rows = self.amount()?.unwrap_or(rows),
        }
        if !self.skip("FROM") {
            self.skip("IN");
        }
        Ok(Command::Fetch { cursor: self.only_name()?, rows, moves })
    }

    fn amount(&mut self) -> Result<Option<Amount>, Fault> {
        if self.skip("ALL") {
            return Ok(Some(Amount::All));
        }
        match self.token() {
            Some(Token::Number(number, _)) => {
                let rows = number.parse().map_err(|_| self.wrong("a number of rows was expected"))?;
                self.at += 1;
                Ok(Some(Amount::Rows(rows)))
            }
            Some(Token::Minus) => {
                Err(Fault::new(fault::WRONG_STATE, "cursor can only scan forward").hint("declare another cursor to begin anew"))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::pieces;

    fn of(text: &str) -> Result<Command, Fault> {
        Command::of(&pieces(text).unwrap()[0])
    }

    #[test]
    fn statements_that_are_no_queries_are_recognised_by_their_words() {
        let name = |name: &str| name.to_owned();
        let set = |setting: &str, value: &str| Command::Set { name: name(setting), value: Some(name(value)), local: false };
        let table = [
            ("select 1", Command::Query),
            ("with x as (select 1) select * from x", Command::Query),
            ("show tables", Command::Query),
            ("begin isolation level read committed", Command::Begin),
            ("START TRANSACTION READ ONLY", Command::Begin),
            ("end", Command::Commit),
            ("ROLLBACK TO SAVEPOINT \"sa_Savepoint 1\"", Command::RollbackTo(name("sa_Savepoint 1"))),
            ("release savepoint A", Command::Release(name("a"))),
            ("SET extra_float_digits = -3", set("extra_float_digits", "-3")),
            ("SET search_path TO \"finance.bronze\", public", set("search_path", "\"finance.bronze\", public")),
            ("SET TIME ZONE 'Europe/Amsterdam'", set("timezone", "Europe/Amsterdam")),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", Command::Accepted("SET")),
            ("SET SESSION AUTHORIZATION DEFAULT", Command::Accepted("SET")),
            ("RESET ALL", Command::Reset(None)),
            ("show transaction isolation level", Command::Show(Some(name("transaction_isolation")))),
            ("SHOW TIME ZONE", Command::Show(Some(name("timezone")))),
            ("DISCARD ALL", Command::Discard { all: true }),
            ("UNLISTEN *", Command::Accepted("UNLISTEN")),
            ("DEALLOCATE PREPARE ALL", Command::Deallocate(None)),
            ("PREPARE p (int, text) AS SELECT $1", Command::Prepare { name: name("p"), sql: name("SELECT $1") }),
            (
                "EXECUTE p (-1, 'x', NULL)",
                Command::Execute { name: name("p"), arguments: vec![Some(name("-1")), Some(name("x")), None] },
            ),
            (
                "DECLARE \"C\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1",
                Command::Declare { name: name("C"), hold: true, sql: name("SELECT 1") },
            ),
            ("FETCH FORWARD 10 FROM c", Command::Fetch { cursor: name("c"), rows: Amount::Rows(10), moves: false }),
            ("fetch 10 in \"C\"", Command::Fetch { cursor: name("C"), rows: Amount::Rows(10), moves: false }),
            ("fetch all c", Command::Fetch { cursor: name("c"), rows: Amount::All, moves: false }),
            ("MOVE NEXT FROM c", Command::Fetch { cursor: name("c"), rows: Amount::Rows(1), moves: true }),
            ("CLOSE ALL", Command::Close(None)),
        ];
        for (text, expected) in table {
            assert_eq!(of(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_changes_something_is_a_change_and_what_there_is_not_is_refused() {
        for text in [
            "INSERT INTO t VALUES (1)",
            "drop table t",
            "TRUNCATE t",
            "GRANT SELECT ON TABLE a.b.c TO d",
            "RESTORE t TO VERSION AS OF 3",
            "OPTIMIZE a.b.c",
            "VACUUM a.b.c DRY RUN",
        ] {
            assert_eq!(of(text), Ok(Command::Change), "{text}");
        }
        for text in ["SHOW GRANTS ON TABLE a.b.c", "DESCRIBE HISTORY a.b.c"] {
            assert_eq!(of(text), Ok(Command::Query), "{text}");
        }
        for (text, what) in [
            ("CREATE LOCAL TEMPORARY TABLE \"#T\" (x INT) ON COMMIT PRESERVE ROWS", "CREATE TABLE"),
            ("CREATE INDEX i ON t (a)", "CREATE INDEX"),
            ("LOCK t", "LOCK"),
        ] {
            let fault = of(text).unwrap_err();
            assert_eq!((fault.code, fault.message), (fault::NOT_SUPPORTED, format!("there is no {what} here")));
        }
        assert_eq!(of("INSERT t VALUES (1)").unwrap_err().code, fault::SYNTAX);
        for text in ["SET ROLE olga", "SET SESSION AUTHORIZATION 'olga'"] {
            assert_eq!(of(text).unwrap_err().code, fault::NOT_ALLOWED, "{text}");
        }
        for text in ["FETCH BACKWARD 1 FROM c", "FETCH -1 FROM c"] {
            assert_eq!(of(text).unwrap_err().code, fault::WRONG_STATE, "{text}");
        }
        for text in ["SAVEPOINT", "SAVEPOINT a b", "SET x", "DECLARE c FOR SELECT 1", "PREPARE p SELECT 1", "EXECUTE p (f(1))"] {
            assert_eq!(of(text).unwrap_err().code, fault::SYNTAX, "{text}");
        }
    }
}

//! `COPY ... TO STDOUT` and `COPY ... FROM STDIN`: which rows, and in which form.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::commands::Command;
use super::pieces::{Piece, Placed};
use crate::fault::{self, Fault};

/// Rows to be copied out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copying {
    /// The query that gives them.
    pub(crate) sql: String,
    pub(crate) form: Form,
}

/// Rows to be copied in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyingIn {
    /// The table's name, its parts with points between.
    pub(crate) table: String,
    /// Its columns that come, in their order; all of them when empty.
    pub(crate) columns: Vec<String>,
    pub(crate) form: Form,
}

/// The form of copied rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Text { delimiter: u8, null: String, header: bool },
    Csv { delimiter: u8, null: String, header: bool, quote: u8, escape: u8, force: bool },
    Binary,
}

/// What options say, before it is known what they are of.
#[derive(Default)]
struct Options {
    format: Option<String>,
    delimiter: Option<u8>,
    null: Option<String>,
    header: bool,
    quote: Option<u8>,
    escape: Option<u8>,
    force: bool,
}

/// Reads a `COPY`.
pub(crate) fn read(piece: &Piece) -> Result<Command, Fault> {
    let mut reader = Reader { piece, at: 1 };
    let source = reader.source()?;
    let (direction, place) = (reader.word(), reader.word());
    match (direction.as_str(), source) {
        ("TO", source) if place == "STDOUT" => {
            let form = reader.options()?.form()?;
            Ok(Command::Copy(Copying { sql: source.sql(), form }))
        }
        ("TO", _) => {
            Err(Fault::new(fault::NOT_ALLOWED, "rows are copied to STDOUT only").hint("use COPY ... TO STDOUT; in psql \\copy"))
        }
        ("FROM", Source::Table { name, columns, .. }) if place == "STDIN" => {
            let form = reader.options()?.form()?;
            Ok(Command::CopyIn(CopyingIn { table: name, columns, form: form.read_in()? }))
        }
        ("FROM", Source::Table { .. }) => Err(Fault::new(fault::NOT_ALLOWED, "rows are copied from STDIN only")
            .hint("use COPY ... FROM STDIN; in psql \\copy; files of a volume are loaded by COPY INTO")),
        ("FROM", Source::Query(_)) => Err(reader.wrong("rows are copied into a table")),
        _ => Err(reader.wrong("TO or FROM was expected")),
    }
}

/// What stands behind `COPY`.
enum Source {
    Query(String),
    Table { name: String, written: String, columns: Vec<String>, chosen: String },
}

impl Source {
    /// The query that gives its rows.
    fn sql(self) -> String {
        match self {
            Self::Query(sql) => sql,
            Self::Table { written, chosen, .. } => format!("SELECT {chosen} FROM {written}"),
        }
    }
}

impl Form {
    /// The same, if rows can be read that are in it.
    fn read_in(self) -> Result<Self, Fault> {
        match &self {
            Self::Csv { quote, escape, .. } if quote != escape => {
                Err(Fault::new(fault::NOT_SUPPORTED, "quotes within quotes are doubled here").hint("leave out ESCAPE"))
            }
            Self::Csv { force: true, .. } => {
                Err(Fault::new(fault::SYNTAX, "FORCE_QUOTE is of rows that are copied out").hint("leave it out"))
            }
            _ => Ok(self),
        }
    }
}

impl Options {
    fn form(self) -> Result<Form, Fault> {
        let wrong = |message: &str| Err(Fault::new(fault::SYNTAX, message.to_owned()));
        match self.format.as_deref().unwrap_or("text") {
            "text" if self.quote.is_some() || self.escape.is_some() || self.force => wrong("quotes are of the csv format only"),
            "text" => {
                let delimiter = self.delimiter.unwrap_or(b'\t');
                Ok(Form::Text { delimiter, null: self.null.unwrap_or_else(|| "\\N".to_owned()), header: self.header })
            }
            "csv" => {
                let quote = self.quote.unwrap_or(b'"');
                Ok(Form::Csv {
                    delimiter: self.delimiter.unwrap_or(b','),
                    null: self.null.unwrap_or_default(),
                    header: self.header,
                    quote,
                    escape: self.escape.unwrap_or(quote),
                    force: self.force,
                })
            }
            "binary" if self.header || self.delimiter.is_some() || self.null.is_some() => {
                wrong("the binary format has no such option")
            }
            "binary" => Ok(Form::Binary),
            other => Err(Fault::new(fault::INVALID_PARAMETER_VALUE, format!("COPY format {other:?} not recognized"))
                .hint("use text, csv or binary")),
        }
    }
}

struct Reader<'a> {
    piece: &'a Piece,
    at: usize,
}

impl Reader<'_> {
    fn token(&self) -> Option<&Token> {
        self.piece.tokens.get(self.at).map(|placed| &placed.token)
    }

    fn wrong(&self, message: &str) -> Fault {
        Fault::new(fault::SYNTAX, format!("syntax error in COPY: {message}"))
    }

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

    /// The text of the tokens from one to before another.
    fn text(&self, from: usize, to: usize) -> &str {
        match (self.piece.tokens.get(from), to.checked_sub(1).and_then(|last| self.piece.tokens.get(last))) {
            (Some(Placed { start, .. }), Some(Placed { end, .. })) if from < to => &self.piece.sql[*start..*end],
            _ => "",
        }
    }

    /// What is in the parentheses that begin here.
    fn parentheses(&mut self) -> Result<(usize, usize), Fault> {
        let from = self.at + 1;
        let mut depth = 0_usize;
        while let Some(token) = self.token() {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok((from, self.at - 1));
            }
        }
        Err(self.wrong("a parenthesis has no end"))
    }

    /// A query that is written out, or all or some columns of a table.
    fn source(&mut self) -> Result<Source, Fault> {
        if self.token() == Some(&Token::LParen) {
            let (from, to) = self.parentheses()?;
            return Ok(Source::Query(self.text(from, to).to_owned()));
        }
        let from = self.at;
        let mut parts = Vec::new();
        // A name alone: what stands in the query below must be nothing else.
        loop {
            let Some(Token::Word(word)) = self.token() else {
                return Err(self.wrong("a table or a query in parentheses was expected"));
            };
            parts.push(word.value.clone());
            self.at += 1;
            if self.token() != Some(&Token::Period) {
                break;
            }
            self.at += 1;
        }
        let (name, written) = (parts.join("."), self.text(from, self.at).to_owned());
        if self.token() != Some(&Token::LParen) {
            return Ok(Source::Table { name, written, columns: Vec::new(), chosen: "*".to_owned() });
        }
        let (from, to) = self.parentheses()?;
        let names = self.piece.tokens.get(from..to).unwrap_or_default();
        if names.is_empty() || !names.iter().all(|placed| matches!(placed.token, Token::Word(_) | Token::Comma)) {
            return Err(self.wrong("the names of columns were expected"));
        }
        let columns = names.iter().filter_map(|placed| match &placed.token {
            Token::Word(word) => Some(word.value.clone()),
            _ => None,
        });
        Ok(Source::Table { name, written, columns: columns.collect(), chosen: self.text(from, to).to_owned() })
    }

    fn options(&mut self) -> Result<Options, Fault> {
        let mut options = Options::default();
        self.skip("WITH");
        if self.token() == Some(&Token::LParen) {
            loop {
                self.at += 1;
                self.option(&mut options)?;
                match self.token() {
                    Some(Token::Comma) => {}
                    Some(Token::RParen) => break,
                    _ => return Err(self.wrong("an option or a parenthesis was expected")),
                }
            }
            self.at += 1;
        }
        while self.token().is_some() {
            self.old_option(&mut options)?;
        }
        Ok(options)
    }

    fn option(&mut self, options: &mut Options) -> Result<(), Fault> {
        match self.word().as_str() {
            "FORMAT" => {
                let format = match self.token() {
                    Some(Token::Word(word)) => word.value.to_lowercase(),
                    Some(Token::SingleQuotedString(text)) => text.to_lowercase(),
                    _ => return Err(self.wrong("a format was expected")),
                };
                self.at += 1;
                options.format = Some(format);
            }
            "HEADER" => options.header = self.boolean()?,
            "DELIMITER" => options.delimiter = Some(self.letter()?),
            "NULL" => options.null = Some(self.string()?),
            "QUOTE" => options.quote = Some(self.letter()?),
            "ESCAPE" => options.escape = Some(self.letter()?),
            "FORCE_QUOTE" => self.force(options)?,
            "ENCODING" => self.encoding()?,
            _ => return Err(self.wrong("there is no such option")),
        }
        Ok(())
    }

    /// Options as they were written before PostgreSQL 9.
    fn old_option(&mut self, options: &mut Options) -> Result<(), Fault> {
        match self.word().as_str() {
            "BINARY" => options.format = Some("binary".to_owned()),
            "CSV" => options.format = Some("csv".to_owned()),
            "HEADER" => options.header = true,
            "DELIMITER" | "DELIMITERS" => {
                self.skip("AS");
                options.delimiter = Some(self.letter()?);
            }
            "NULL" => {
                self.skip("AS");
                options.null = Some(self.string()?);
            }
            "QUOTE" => {
                self.skip("AS");
                options.quote = Some(self.letter()?);
            }
            "ESCAPE" => {
                self.skip("AS");
                options.escape = Some(self.letter()?);
            }
            "FORCE" if self.skip("QUOTE") => self.force(options)?,
            "ENCODING" => self.encoding()?,
            _ => return Err(self.wrong("there is no such option")),
        }
        Ok(())
    }

    /// `*`: all columns are put in quotes. Some alone are not told apart.
    fn force(&mut self, options: &mut Options) -> Result<(), Fault> {
        if self.token() == Some(&Token::Mul) {
            self.at += 1;
        } else if self.token() == Some(&Token::LParen) {
            self.parentheses()?;
        } else {
            return Err(self.wrong("columns or * were expected"));
        }
        options.force = true;
        Ok(())
    }

    fn encoding(&mut self) -> Result<(), Fault> {
        let encoding = self.string()?.to_ascii_lowercase().replace('-', "");
        if encoding == "utf8" || encoding == "sql_ascii" {
            return Ok(());
        }
        Err(Fault::new(fault::INVALID_PARAMETER_VALUE, "text is copied as UTF8").hint("leave out ENCODING"))
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        let value = match self.token() {
            Some(Token::Comma | Token::RParen) | None => return Ok(true),
            Some(Token::Word(word)) => word.value.to_lowercase(),
            Some(Token::SingleQuotedString(text) | Token::Number(text, _)) => text.to_lowercase(),
            Some(_) => String::new(),
        };
        self.at += 1;
        match value.as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(self.wrong("true or false was expected")),
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) = self.token().cloned() else {
            return Err(self.wrong("a text was expected"));
        };
        self.at += 1;
        Ok(text)
    }

    fn letter(&mut self) -> Result<u8, Fault> {
        let text = self.string()?;
        match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'\\') => Ok(*byte),
            _ => Err(self.wrong("one ASCII letter was expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::pieces;

    fn of(text: &str) -> Result<Copying, Fault> {
        match read(&pieces(text).unwrap()[0])? {
            Command::Copy(copying) => Ok(copying),
            other => panic!("{other:?}"),
        }
    }

    fn into(text: &str) -> Result<CopyingIn, Fault> {
        match read(&pieces(text).unwrap()[0])? {
            Command::CopyIn(copying) => Ok(copying),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_of_a_query_or_a_table_are_copied_in_three_forms() {
        let text = || Form::Text { delimiter: b'\t', null: "\\N".to_owned(), header: false };
        let csv = |header, force| Form::Csv { delimiter: b',', null: String::new(), header, quote: b'"', escape: b'"', force };
        let table = [
            ("COPY (SELECT (1)) TO STDOUT", "SELECT (1)", text()),
            ("copy finance.bronze.customer_v1 to stdout", "SELECT * FROM finance.bronze.customer_v1", text()),
            (
                "COPY \"f.b\".\"t\" (\"id\", name) TO STDOUT CSV HEADER",
                "SELECT \"id\", name FROM \"f.b\".\"t\"",
                csv(true, false),
            ),
            ("COPY t TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)", "SELECT * FROM t", csv(true, true)),
            ("COPY t TO STDOUT (FORMAT \"binary\")", "SELECT * FROM t", Form::Binary),
        ];
        for (sql, query, form) in table {
            assert_eq!(of(sql), Ok(Copying { sql: query.to_owned(), form }), "{sql}");
        }
    }

    #[test]
    fn rows_are_copied_into_a_table_in_the_same_forms() {
        let text = Form::Text { delimiter: b'\t', null: "\\N".to_owned(), header: false };
        let csv = Form::Csv { delimiter: b';', null: "NA".to_owned(), header: true, quote: b'"', escape: b'"', force: false };
        assert_eq!(
            into("COPY finance.bronze.t FROM STDIN"),
            Ok(CopyingIn { table: "finance.bronze.t".to_owned(), columns: Vec::new(), form: text })
        );
        assert_eq!(
            into("copy \"finance.bronze\".t (id, \"Name\") from stdin with (format csv, header, delimiter ';', null 'NA')"),
            Ok(CopyingIn { table: "finance.bronze.t".to_owned(), columns: vec!["id".to_owned(), "Name".to_owned()], form: csv })
        );
        assert_eq!(into("COPY t FROM STDIN BINARY").unwrap().form, Form::Binary);
        for (sql, code) in [
            ("COPY t FROM STDIN (FORMAT csv, ESCAPE '!')", fault::NOT_SUPPORTED),
            ("COPY (SELECT 1) FROM STDIN", fault::SYNTAX),
            ("COPY t FROM STDIN (FORMAT csv, FORCE_QUOTE *)", fault::SYNTAX),
        ] {
            assert_eq!(into(sql).unwrap_err().code, code, "{sql}");
        }
    }

    #[test]
    fn nothing_is_copied_from_or_to_a_file() {
        assert_eq!(into("COPY t FROM '/etc/x'").unwrap_err().code, fault::NOT_ALLOWED);
        assert_eq!(into("COPY t FROM PROGRAM 'sh'").unwrap_err().code, fault::NOT_ALLOWED);
        assert_eq!(of("COPY t TO '/etc/x'").unwrap_err().code, fault::NOT_ALLOWED);
        assert_eq!(of("COPY t TO PROGRAM 'sh'").unwrap_err().code, fault::NOT_ALLOWED);
        for text in
            ["COPY (SELECT 1 TO STDOUT", "COPY t (a; b) TO STDOUT", "COPY f(1) x TO STDOUT", "COPY t TO STDOUT (DELIMITER 'ab')"]
        {
            let piece = pieces(text).unwrap().remove(0);
            assert_eq!(read(&piece).unwrap_err().code, fault::SYNTAX, "{text}");
        }
    }
}

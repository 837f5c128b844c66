//! `COPY ... TO STDOUT`: which rows, and in which form.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::pieces::{Piece, Placed};
use crate::fault::{self, Fault};

/// Rows to be copied out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copying {
    /// The query that gives them.
    pub(crate) sql: String,
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
pub(crate) fn read(piece: &Piece) -> Result<Copying, Fault> {
    let mut reader = Reader { piece, at: 1 };
    let sql = reader.source()?;
    match reader.word().as_str() {
        "TO" => {}
        "FROM" => return Err(Fault::read_only("COPY FROM")),
        _ => return Err(reader.wrong("TO was expected")),
    }
    if reader.word() != "STDOUT" {
        return Err(
            Fault::new(fault::NOT_ALLOWED, "rows are copied to STDOUT only").hint("use COPY ... TO STDOUT; in psql \\copy")
        );
    }
    let form = reader.options()?.form()?;
    Ok(Copying { sql, form })
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

    /// The query that gives the rows: written out, or all or some columns of a table.
    fn source(&mut self) -> Result<String, Fault> {
        if self.token() == Some(&Token::LParen) {
            let (from, to) = self.parentheses()?;
            return Ok(self.text(from, to).to_owned());
        }
        let from = self.at;
        // A name alone: what stands in the query below must be nothing else.
        loop {
            if !matches!(self.token(), Some(Token::Word(_))) {
                return Err(self.wrong("a table or a query in parentheses was expected"));
            }
            self.at += 1;
            if self.token() != Some(&Token::Period) {
                break;
            }
            self.at += 1;
        }
        let table = self.text(from, self.at).to_owned();
        if self.token() != Some(&Token::LParen) {
            return Ok(format!("SELECT * FROM {table}"));
        }
        let (from, to) = self.parentheses()?;
        let names = self.piece.tokens.get(from..to).unwrap_or_default();
        if names.is_empty() || !names.iter().all(|placed| matches!(placed.token, Token::Word(_) | Token::Comma)) {
            return Err(self.wrong("the names of columns were expected"));
        }
        Ok(format!("SELECT {} FROM {table}", self.text(from, to)))
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
        read(&pieces(text).unwrap()[0])
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
    fn nothing_is_copied_in_or_to_a_file() {
        assert_eq!(of("COPY t FROM STDIN").unwrap_err().code, fault::READ_ONLY);
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

//! `COPY INTO`: files of a volume that become rows of a table, each once.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::tokenizer::Token;
use polder_model::job::{CsvOptions, FileFormat};

use super::Command;
use super::read::Cursor;
use super::upkeep::properties;
use crate::error::QueryError;
use crate::tables::TableParts;

/// Files to be loaded into a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInto {
    /// Which table.
    pub table: TableParts,
    /// Where the files are: `/Volumes/catalog/schema/volume`, and a file, a folder or a pattern below it.
    pub from: String,
    /// Those files alone, by their paths below [`Self::from`]; all of them when empty.
    pub files: Vec<String>,
    /// Those files alone whose path below [`Self::from`] matches.
    pub pattern: Option<String>,
    /// How they are written.
    pub format: FileFormat,
    /// How they are written, where they are CSV.
    pub csv: CsvOptions,
    /// Whether fields that no column takes are passed over. Else they are an error.
    pub ignores_fields: bool,
    /// Whether files are loaded that were loaded before.
    pub force: bool,
}

/// `COPY INTO name FROM 'path' FILEFORMAT = CSV [FILES = ('a', 'b') | PATTERN = '*.csv'] [FORMAT_OPTIONS (...)] [COPY_OPTIONS (...)]`
pub(super) fn copy(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("COPY")?;
    cursor.expect("INTO")?;
    let table = cursor.name()?;
    cursor.expect("FROM")?;
    if cursor.peeks_sign(&Token::LParen) {
        let error = cursor.expected("the path of a volume's files in quotes");
        return Err(error.with_hint("load the files into a table of their own, and INSERT what you select of it"));
    }
    let from = cursor.text()?;
    cursor.expect("FILEFORMAT")?;
    cursor.expect_sign(&Token::Eq)?;
    let format = format(cursor)?;
    let (mut files, mut pattern) = (Vec::new(), None);
    if cursor.word("FILES") {
        cursor.expect_sign(&Token::Eq)?;
        files = cursor.list(Cursor::text)?;
    } else if cursor.word("PATTERN") {
        cursor.expect_sign(&Token::Eq)?;
        pattern = Some(cursor.text()?);
    }
    let mut written = Options::of("FORMAT_OPTIONS", cursor)?;
    let mut copied = Options::of("COPY_OPTIONS", cursor)?;
    let mut csv = CsvOptions { header: false, ..CsvOptions::default() };
    if format == FileFormat::Csv {
        csv.header = written.boolean("header")?.unwrap_or(false);
        csv.delimiter = written.letter(&["delimiter", "sep"])?.unwrap_or(csv.delimiter);
        csv.quote = written.letter(&["quote"])?.unwrap_or(csv.quote);
        csv.nulls.extend(written.take("nullvalue"));
    }
    let ignores_fields = written.boolean("ignoreunknownfields")?.unwrap_or(false);
    let force = copied.boolean("force")?.unwrap_or(false);
    if copied.boolean("mergeschema")? == Some(true) {
        let error = QueryError::syntax("a table's columns do not come from the files that are loaded into it");
        return Err(error.with_hint("add the columns first: ALTER TABLE ... ADD COLUMNS (...)"));
    }
    written.end(match format {
        FileFormat::Csv => "header, delimiter, quote, nullValue and ignoreUnknownFields",
        FileFormat::Ndjson | FileFormat::Parquet => "ignoreUnknownFields",
    })?;
    copied.end("force")?;
    Ok(Command::CopyInto(CopyInto { table, from, files, pattern, format, csv, ignores_fields, force }))
}

fn format(cursor: &mut Cursor) -> Result<FileFormat, QueryError> {
    let formats = [
        ("CSV", FileFormat::Csv),
        ("JSON", FileFormat::Ndjson),
        ("NDJSON", FileFormat::Ndjson),
        ("PARQUET", FileFormat::Parquet),
    ];
    let format = formats.into_iter().find_map(|(word, format)| cursor.word(word).then_some(format));
    format.ok_or_else(|| cursor.expected("CSV, JSON or PARQUET"))
}

/// Options, as they are taken out one by one.
struct Options {
    of: &'static str,
    left: BTreeMap<String, String>,
}

impl Options {
    fn of(of: &'static str, cursor: &mut Cursor) -> Result<Self, QueryError> {
        let given = if cursor.word(of) { properties(cursor)? } else { BTreeMap::new() };
        Ok(Self { of, left: given.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect() })
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.left.remove(key)
    }

    fn boolean(&mut self, key: &str) -> Result<Option<bool>, QueryError> {
        let Some(text) = self.take(key) else { return Ok(None) };
        match text.to_lowercase().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(QueryError::syntax(format!("the option {key:?} of {} is {text:?}, and is 'true' or 'false'", self.of))),
        }
    }

    /// One ASCII character, under whichever of its names it is given.
    fn letter(&mut self, keys: &[&str]) -> Result<Option<char>, QueryError> {
        let Some((key, text)) = keys.iter().find_map(|key| Some((key, self.take(key)?))) else { return Ok(None) };
        let text = if text == "\\t" { "\t".to_owned() } else { text };
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii() => Ok(Some(letter)),
            _ => Err(QueryError::syntax(format!("the option {key:?} of {} is {text:?}, and is one ASCII character", self.of))),
        }
    }

    /// Refuses what was not taken out.
    fn end(self, known: &str) -> Result<(), QueryError> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) => Err(QueryError::syntax(format!("there is no option {key:?} of {} here", self.of))
                .with_hint(format!("there is {known}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::read_command;

    fn of(sql: &str) -> Result<CopyInto, QueryError> {
        match read_command(sql)? {
            Some(Command::CopyInto(copy)) => Ok(copy),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn files_and_how_they_are_written() {
        let copy = of("copy into s.b.t from '/Volumes/s/b/drop/in' fileformat = csv files = ('a.csv', 'it''s.csv') \
             format_options ('header' = 'true', 'SEP' = '\\t', 'nullValue' = 'NA') copy_options ('force' = 'TRUE');")
        .unwrap();
        assert_eq!(copy.table, TableParts::new(["s", "b", "t"]));
        assert_eq!(copy.from, "/Volumes/s/b/drop/in");
        assert_eq!(copy.files, ["a.csv", "it's.csv"]);
        assert_eq!(copy.csv, CsvOptions { header: true, delimiter: '\t', quote: '"', nulls: vec!["NA".to_owned()] });
        assert!(copy.force && !copy.ignores_fields);
        let copy = of("COPY INTO s.b.t FROM '/Volumes/s/b/v' FILEFORMAT = JSON PATTERN = '*.json'").unwrap();
        assert_eq!((copy.format, copy.pattern.as_deref(), copy.force), (FileFormat::Ndjson, Some("*.json"), false));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let table = [
            ("COPY INTO t FROM '/v' FILEFORMAT = AVRO", "expected CSV, JSON or PARQUET"),
            ("COPY INTO t FROM '/v'", "expected FILEFORMAT"),
            ("COPY INTO t FROM (SELECT 1) FILEFORMAT = CSV", "expected the path of a volume's files"),
            ("COPY INTO t FROM '/v' FILEFORMAT = CSV FORMAT_OPTIONS ('inferSchema' = 'true')", "no option \"inferschema\""),
            ("COPY INTO t FROM '/v' FILEFORMAT = PARQUET FORMAT_OPTIONS ('header' = 'true')", "no option \"header\""),
            ("COPY INTO t FROM '/v' FILEFORMAT = CSV FORMAT_OPTIONS ('sep' = '||')", "one ASCII character"),
            ("COPY INTO t FROM '/v' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'yes')", "is 'true' or 'false'"),
            ("COPY INTO t FROM '/v' FILEFORMAT = CSV COPY_OPTIONS ('mergeSchema' = 'true')", "do not come from the files"),
            ("COPY INTO t FROM '/v' FILEFORMAT = CSV FILES = ('a') PATTERN = 'b'", "expected the end"),
        ];
        for (sql, words) in table {
            let error = of(sql).unwrap_err().to_string();
            assert!(error.contains(words), "{sql}: {error}");
        }
    }
}

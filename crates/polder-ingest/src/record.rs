//! The columns of a table, or of a struct, being filled row by row.
//!
//! Owns which field goes to which column: by name without case, through the names the source declares. A field twice in a row
//! is an error, also in another case; a field of no column is counted and passed over; a column without a field is missing,
//! which only an optional one may be.

use std::collections::{BTreeMap, HashMap};

use arrow::array::ArrayRef;
use arrow::error::ArrowError;

use polder_model::Column;
use polder_model::data_type::StructField;

use crate::column::ColumnBuffer;
use crate::error::{Fit, Misfit};
use crate::json::Cursor;

/// How many names of unknown fields are told apart; a file of objects with random keys must not fill the memory.
const MAX_UNKNOWN: usize = 100;
/// What the others are counted under.
const OTHER_FIELDS: &str = "(other fields)";
/// How many fields of the row before are remembered, and up to which length.
const MAX_EXPECTED: usize = 4096;
const MAX_NAME_BYTES: usize = 256;

/// What is wrong with an empty text in a required partition column.
pub(crate) const NO_FOLDER: &str = "is required, and an empty text cannot name a partition's folder";

/// A table's or struct's columns and how fields find them.
pub(crate) struct Record {
    names: Vec<Name>,
    columns: Vec<ColumnBuffer>,
    /// The columns whose texts must not be empty.
    folders: Vec<usize>,
    rows: usize,
    /// Lower-case field name to column.
    lookup: HashMap<String, usize>,
    /// The keys of the row before, as written with their quotes: the next row most likely has the same in the same order.
    expected: Vec<(Box<[u8]>, Target)>,
    /// For each column, the row that last had a field for it.
    seen: Vec<u64>,
    turn: u64,
    unknown: HashMap<String, usize>,
    ignored: Vec<(String, u64)>,
}

struct Name {
    name: String,
    optional: bool,
    pii: bool,
}

#[derive(Clone, Copy)]
enum Target {
    Column(usize),
    Unknown(usize),
}

impl Record {
    /// The columns of a sink, whose fields may have other names in the files.
    pub(crate) fn of_table(columns: &[Column], folders: Vec<usize>, renamed: &BTreeMap<String, String>) -> Self {
        let names = columns.iter().map(|c| Name { name: c.name.clone(), optional: c.optional, pii: c.is_pii() }).collect();
        let buffers = columns.iter().map(|column| ColumnBuffer::new(&column.data_type)).collect();
        Self { folders, ..Self::new(names, field_lookup(columns, renamed), buffers) }
    }

    /// The fields of a struct, all of them optional.
    pub(crate) fn of_struct(fields: &[StructField]) -> Self {
        let names = fields.iter().map(|f| Name { name: f.name.clone(), optional: true, pii: false }).collect();
        let lookup = fields.iter().enumerate().map(|(i, field)| (field.name.to_lowercase(), i)).collect();
        Self::new(names, lookup, fields.iter().map(|field| ColumnBuffer::new(&field.data_type)).collect())
    }

    fn new(names: Vec<Name>, lookup: HashMap<String, usize>, columns: Vec<ColumnBuffer>) -> Self {
        Self {
            seen: vec![0; names.len()],
            names,
            columns,
            folders: Vec::new(),
            rows: 0,
            lookup,
            expected: Vec::new(),
            turn: 0,
            unknown: HashMap::new(),
            ignored: Vec::new(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes the object at the cursor as a row. After an error the caller truncates.
    pub(crate) fn push_object(&mut self, cursor: &mut Cursor<'_>) -> Fit {
        self.turn += 1;
        cursor.expect(b'{')?;
        let mut found = 0;
        if !cursor.take(b'}') {
            let mut place = 0;
            loop {
                match self.key(cursor, place)? {
                    Target::Column(column) => {
                        found += 1;
                        self.push_json(column, cursor)?;
                    }
                    Target::Unknown(which) => {
                        self.ignored[which].1 += 1;
                        cursor.skip()?;
                    }
                }
                place += 1;
                if !cursor.take(b',') {
                    break;
                }
            }
            cursor.expect(b'}')?;
        }
        if found < self.columns.len() {
            self.push_missing()?;
        }
        self.check_folders()?;
        self.rows += 1;
        Ok(())
    }

    /// Takes a key and its colon.
    #[inline]
    fn key(&mut self, cursor: &mut Cursor<'_>, place: usize) -> Fit<Target> {
        cursor.peek();
        if let Some((key, target)) = self.expected.get(place)
            && cursor.take_exactly(key)
        {
            let target = *target;
            cursor.expect(b':')?;
            return Ok(target);
        }
        let key = cursor.string()?;
        cursor.expect(b':')?;
        let target = match self.lookup.get(&key.to_lowercase()) {
            Some(column) => Target::Column(*column),
            None => Target::Unknown(self.unknown_field(&key)),
        };
        // Only a key that stands in the file as it is here can be met again byte by byte.
        if place < MAX_EXPECTED && key.len() <= MAX_NAME_BYTES && !key.contains(|c: char| c == '"' || c == '\\' || c.is_control())
        {
            let quoted = format!("\"{key}\"").into_bytes().into_boxed_slice();
            if let Some(known) = self.expected.get_mut(place) {
                *known = (quoted, target);
            } else if place == self.expected.len() {
                self.expected.push((quoted, target));
            }
        }
        Ok(target)
    }

    fn unknown_field(&mut self, key: &str) -> usize {
        if let Some(which) = self.unknown.get(key) {
            return *which;
        }
        let name = if self.ignored.len() < MAX_UNKNOWN && key.len() <= MAX_NAME_BYTES { key } else { OTHER_FIELDS };
        let next = self.ignored.len();
        let which = *self.unknown.entry(name.to_owned()).or_insert(next);
        if which == next {
            self.ignored.push((name.to_owned(), 0));
        }
        which
    }

    #[inline]
    fn push_json(&mut self, column: usize, cursor: &mut Cursor<'_>) -> Fit {
        let name = &self.names[column];
        if self.seen[column] == self.turn {
            return Err(Misfit::row("the field stands twice in the row").within(&name.name, name.pii));
        }
        self.seen[column] = self.turn;
        let fitted = if cursor.peek() == b'n' {
            cursor.word("null").and_then(|()| self.columns[column].push_missing(name.optional))
        } else {
            self.columns[column].push_json(cursor)
        };
        fitted.map_err(|misfit| misfit.within(&name.name, name.pii))
    }

    fn push_missing(&mut self) -> Fit {
        for ((name, buffer), seen) in self.names.iter().zip(&mut self.columns).zip(&self.seen) {
            if *seen != self.turn {
                buffer.push_missing(name.optional).map_err(|misfit| misfit.within(&name.name, name.pii))?;
            }
        }
        Ok(())
    }

    /// Takes a CSV row: for each column its field, `None` where the value is missing.
    pub(crate) fn push_fields<'t>(&mut self, field_bytes: usize, field: impl Fn(usize, bool) -> Option<&'t str>) -> Fit {
        for (at, (name, buffer)) in self.names.iter().zip(&mut self.columns).enumerate() {
            let fitted = match field(at, buffer.is_string()) {
                None => buffer.push_missing(name.optional),
                Some(text) => buffer.push_text(text, field_bytes),
            };
            fitted.map_err(|misfit| misfit.within(&name.name, name.pii))?;
        }
        self.check_folders()?;
        self.rows += 1;
        Ok(())
    }

    fn check_folders(&self) -> Fit {
        match self.folders.iter().find(|at| self.columns[**at].ends_with_empty_text()) {
            Some(at) => Err(Misfit::row(NO_FOLDER).within(&self.names[*at].name, false)),
            None => Ok(()),
        }
    }

    /// A missing struct: every field is missing.
    pub(crate) fn push_nulls(&mut self) {
        self.columns.iter_mut().for_each(ColumnBuffer::push_null);
        self.rows += 1;
    }

    /// Forgets all but the first rows, and what a broken row left behind.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.rows = rows;
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    /// Hands the columns over and begins anew.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        self.rows = 0;
        self.columns.iter_mut().map(ColumnBuffer::finish).collect()
    }

    /// Hands over how often each field of no column was met, those inside structs with their path.
    pub(crate) fn take_ignored(&mut self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (name, count) in &mut self.ignored {
            if *count > 0 {
                counts.insert(name.clone(), std::mem::take(count));
            }
        }
        for (name, column) in self.names.iter().zip(&mut self.columns) {
            counts.extend(column.take_ignored().into_iter().map(|(field, count)| (format!("{}.{field}", name.name), count)));
        }
        counts
    }
}

/// The lower-case names under which fields of the files stand for the sink's columns.
pub(crate) fn field_lookup(columns: &[Column], renamed: &BTreeMap<String, String>) -> HashMap<String, usize> {
    let renamed: HashMap<String, &String> = renamed.iter().map(|(column, field)| (column.to_lowercase(), field)).collect();
    let field = |column: &Column| {
        let own = column.name.to_lowercase();
        renamed.get(&own).map_or(own, |field| field.to_lowercase())
    };
    columns.iter().enumerate().map(|(at, column)| (field(column), at)).collect()
}

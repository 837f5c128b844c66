//! One declared column against the one that the database has: how it is asked for, how its values come, and which filters over it the
//! database may apply.

use polder_foreign::find;
use polder_model::{Column, DataType};

use crate::dialect::Dialect;
use crate::found::Found;

/// How a column is read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) declared: Column,
    /// Its name in the database, quoted.
    pub(crate) name: String,
    /// What is selected: its values in a form that comes over the wire as they are.
    pub(crate) selected: String,
    pub(crate) comparable: Comparable,
}

/// How the database compares a column's values: a filter that it applies may keep rows that ours drops, and never the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparable {
    /// Only what is missing can be told.
    No,
    Boolean,
    Integer,
    Decimal,
    Date,
    /// A moment.
    Instant,
    /// A time on a wall clock.
    Wall,
    /// Equal texts are equal there, too; others may be: by case, accents or spaces at the end.
    Text,
    /// The same of texts of letters of English alone: others may have to be converted, which can fail.
    AsciiText,
}

/// Compares what is declared with what there is. Says of each column what is wrong with it.
pub(crate) fn readings(dialect: Dialect, declared: &[Column], found: &[Found]) -> Result<Vec<Reading>, Vec<String>> {
    let mut differences = Vec::new();
    let mut readings = Vec::with_capacity(declared.len());
    for column in declared {
        match find(found, &column.name, |there| &there.name) {
            Err(why) => differences.push(why),
            Ok(there) => match reading(dialect, column, there) {
                Some(reading) => readings.push(reading),
                None => {
                    let Found { data_type, .. } = there;
                    let data_type = if data_type.is_empty() { "of no type" } else { data_type };
                    differences
                        .push(format!("the column {} is declared as {} and is {data_type} there", column.name, column.data_type));
                }
            },
        }
    }
    if differences.is_empty() { Ok(readings) } else { Err(differences) }
}

fn reading(dialect: Dialect, declared: &Column, found: &Found) -> Option<Reading> {
    let name = dialect.quoted(&found.name);
    let wanted = &declared.data_type;
    let (selected, comparable) = match dialect {
        Dialect::Postgresql => postgresql(wanted, &found.data_type, &name)?,
        Dialect::Mysql => mysql(wanted, found, &name)?,
        Dialect::Sqlite => sqlite(wanted, &found.data_type, &name)?,
    };
    Some(Reading { declared: declared.clone(), name, selected, comparable })
}

fn postgresql(wanted: &DataType, data_type: &str, name: &str) -> Option<(String, Comparable)> {
    let (kind, digits) = kind_and_digits(data_type);
    let text = || format!("{name}::text");
    Some(match (wanted, kind) {
        (DataType::Boolean, "boolean") => (name.to_owned(), Comparable::Boolean),
        (DataType::Short | DataType::Integer | DataType::Long, "smallint")
        | (DataType::Integer | DataType::Long, "integer")
        | (DataType::Long, "bigint") => (name.to_owned(), Comparable::Integer),
        (DataType::Float | DataType::Double, "real") | (DataType::Double, "double precision") => {
            (format!("{name}::float8"), Comparable::No)
        }
        (DataType::Decimal(precision, scale), "numeric" | "smallint" | "integer" | "bigint")
            if fits((*precision, *scale), digits.or_else(|| digits_of_integer(kind))) =>
        {
            (text(), Comparable::Decimal)
        }
        (DataType::Binary, "bytea") => (name.to_owned(), Comparable::No),
        (DataType::Date, "date") => (text(), Comparable::Date),
        (DataType::Timestamp, kind) if kind.starts_with("timestamp") && kind.ends_with("with time zone") => {
            (text(), Comparable::Instant)
        }
        (DataType::TimestampNtz, kind) if kind.starts_with("timestamp") && kind.ends_with("without time zone") => {
            (text(), Comparable::Wall)
        }
        (DataType::String, "text" | "character varying") => (name.to_owned(), Comparable::Text),
        (DataType::String, kind) if !has_a_type_of_its_own(kind) => (text(), Comparable::No),
        _ => return None,
    })
}

/// Whether text would be the wrong declaration of a type.
fn has_a_type_of_its_own(kind: &str) -> bool {
    matches!(kind, "boolean" | "smallint" | "integer" | "bigint" | "real" | "double precision" | "numeric" | "bytea" | "date")
        || kind.starts_with("timestamp")
}

fn mysql(wanted: &DataType, found: &Found, name: &str) -> Option<(String, Comparable)> {
    let data_type = found.data_type.as_str();
    let unsigned = data_type.contains("unsigned");
    let (kind, digits) = kind_and_digits(data_type);
    let text = || format!("CAST({name} AS CHAR)");
    // How many bytes an integer of this type takes, one more where it has no sign.
    let bytes = match kind {
        "tinyint" => 1,
        "smallint" => 2,
        "mediumint" => 3,
        "int" => 4,
        "bigint" => 8,
        _ => 0,
    } + u8::from(unsigned);
    let room = match wanted {
        DataType::Byte => 1,
        DataType::Short => 2,
        DataType::Integer => 4,
        DataType::Long => 8,
        _ => 0,
    };
    let is_integer = matches!(kind, "tinyint" | "smallint" | "mediumint" | "int" | "bigint");
    Some(match (wanted, kind) {
        (DataType::Boolean, "tinyint") if data_type.starts_with("tinyint(1)") => {
            (format!("CAST({name} <> 0 AS SIGNED)"), Comparable::No)
        }
        _ if is_integer && room >= bytes => (format!("CAST({name} AS SIGNED)"), Comparable::Integer),
        (DataType::Float | DataType::Double, "float") | (DataType::Double, "double") => (name.to_owned(), Comparable::No),
        (DataType::Decimal(precision, scale), "decimal") if fits((*precision, *scale), digits) => (text(), Comparable::Decimal),
        (DataType::Decimal(precision, scale), _) if is_integer && fits((*precision, *scale), Some((20, 0))) => {
            (text(), Comparable::Decimal)
        }
        (DataType::Binary, "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob") => {
            (name.to_owned(), Comparable::No)
        }
        (DataType::Date, "date") => (text(), Comparable::Date),
        (DataType::Timestamp, "timestamp") => (text(), Comparable::Instant),
        (DataType::TimestampNtz, "datetime") => (text(), Comparable::Wall),
        (DataType::String, "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext") => {
            let all = found.character_set.eq_ignore_ascii_case("utf8mb4");
            (text(), if all { Comparable::Text } else { Comparable::AsciiText })
        }
        (DataType::String, "enum" | "set" | "json" | "uuid" | "inet4" | "inet6" | "time" | "year") => (text(), Comparable::No),
        _ => return None,
    })
}

/// What a column of SQLite is declared as says little of its values: each is looked at when it comes. Without a name, a value keeps its
/// own type on the way.
fn sqlite(wanted: &DataType, data_type: &str, name: &str) -> Option<(String, Comparable)> {
    let has = |parts: &[&str]| parts.iter().any(|part| data_type.contains(part));
    // By the rules of SQLite's own, in their order.
    let (integers, texts) = (has(&["int"]), !has(&["int"]) && has(&["char", "clob", "text"]));
    let blobs = !integers && !texts && (data_type.is_empty() || has(&["blob"]));
    let reals = !integers && !texts && !blobs && has(&["real", "floa", "doub"]);
    let comparable = match wanted {
        DataType::Byte | DataType::Short | DataType::Integer | DataType::Long if integers => Comparable::Integer,
        DataType::String if texts => Comparable::Text,
        _ => Comparable::No,
    };
    let fits = match wanted {
        DataType::Boolean | DataType::Byte | DataType::Short | DataType::Integer | DataType::Long => !texts && !reals,
        DataType::Float | DataType::Double => !texts,
        DataType::Binary => blobs,
        DataType::String | DataType::Date | DataType::Timestamp | DataType::TimestampNtz => !integers && !reals,
        DataType::Decimal(..) => true,
        DataType::Array(_) | DataType::Map(..) | DataType::Struct(_) => false,
    };
    fits.then(|| (format!("+{name}"), comparable))
}

/// A type without what is in its brackets, and that as digits in all and after the point.
fn kind_and_digits(data_type: &str) -> (&str, Option<(u32, u32)>) {
    let Some((kind, rest)) = data_type.split_once('(') else {
        return (data_type.split(" unsigned").next().unwrap_or(data_type), None);
    };
    if kind.starts_with("timestamp") && data_type.ends_with("zone") {
        return (data_type, None);
    }
    let inside = rest.split(')').next().unwrap_or_default();
    let mut numbers = inside.split(',').map(|number| number.trim().parse().ok());
    let digits = match (numbers.next().flatten(), numbers.next()) {
        (Some(precision), None) => Some((precision, 0)),
        (Some(precision), Some(Some(scale))) => Some((precision, scale)),
        _ => None,
    };
    (kind, digits)
}

fn digits_of_integer(kind: &str) -> Option<(u32, u32)> {
    match kind {
        "smallint" => Some((5, 0)),
        "integer" => Some((10, 0)),
        "bigint" => Some((19, 0)),
        _ => None,
    }
}

/// Whether every value of so many digits fits a decimal. Where the database names no number of digits, each value is looked at.
fn fits((precision, scale): (u8, u8), digits: Option<(u32, u32)>) -> bool {
    let (precision, scale) = (u32::from(precision), u32::from(scale));
    digits.is_none_or(|(p, s)| s <= scale && p.saturating_sub(s) <= precision.saturating_sub(scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: Dialect, there: &str, wanted: &str, expect: Option<(&str, Comparable)>) {
        let declared = Column {
            name: "a".to_owned(),
            data_type: wanted.parse().unwrap(),
            optional: true,
            description: String::new(),
            tags: std::collections::BTreeSet::new(),
            mask: None,
        };
        let found = Found { name: "A".to_owned(), data_type: there.to_owned(), character_set: "latin1".to_owned() };
        let read = readings(dialect, &[declared], &[found]).ok();
        let read = read.as_ref().map(|read| (read[0].selected.as_str(), read[0].comparable));
        assert_eq!(read, expect, "{dialect:?} {there} as {wanted}");
    }

    #[test]
    fn types_fit_or_are_refused() {
        use Dialect::{Mysql, Postgresql, Sqlite};
        check(Postgresql, "integer", "bigint", Some(("\"A\"", Comparable::Integer)));
        check(Postgresql, "bigint", "int", None);
        check(Postgresql, "integer", "string", None);
        check(Postgresql, "numeric(10,2)", "decimal(12,2)", Some(("\"A\"::text", Comparable::Decimal)));
        check(Postgresql, "numeric(10,3)", "decimal(12,2)", None);
        check(Postgresql, "numeric(12,2)", "decimal(10,2)", None);
        check(Postgresql, "numeric", "decimal(10,2)", Some(("\"A\"::text", Comparable::Decimal)));
        check(Postgresql, "timestamp(3) with time zone", "timestamp", Some(("\"A\"::text", Comparable::Instant)));
        check(Postgresql, "timestamp without time zone", "timestamp_ntz", Some(("\"A\"::text", Comparable::Wall)));
        check(Postgresql, "timestamp without time zone", "timestamp", None);
        check(Postgresql, "character varying(20)", "string", Some(("\"A\"", Comparable::Text)));
        check(Postgresql, "character(3)", "string", Some(("\"A\"::text", Comparable::No)));
        check(Postgresql, "jsonb", "string", Some(("\"A\"::text", Comparable::No)));
        check(Postgresql, "integer[]", "string", Some(("\"A\"::text", Comparable::No)));
        check(Mysql, "tinyint(1)", "boolean", Some(("CAST(`A` <> 0 AS SIGNED)", Comparable::No)));
        check(Mysql, "int(11)", "int", Some(("CAST(`A` AS SIGNED)", Comparable::Integer)));
        check(Mysql, "int(10) unsigned", "int", None);
        check(Mysql, "int unsigned", "bigint", Some(("CAST(`A` AS SIGNED)", Comparable::Integer)));
        check(Mysql, "bigint(20) unsigned", "bigint", None);
        check(Mysql, "bigint(20) unsigned", "decimal(20,0)", Some(("CAST(`A` AS CHAR)", Comparable::Decimal)));
        check(Mysql, "varchar(20)", "string", Some(("CAST(`A` AS CHAR)", Comparable::AsciiText)));
        check(Mysql, "datetime(6)", "timestamp", None);
        check(Sqlite, "integer", "bigint", Some(("+\"A\"", Comparable::Integer)));
        check(Sqlite, "text", "bigint", None);
        check(Sqlite, "text", "timestamp", Some(("+\"A\"", Comparable::No)));
        check(Sqlite, "varchar(20)", "string", Some(("+\"A\"", Comparable::Text)));
        check(Sqlite, "", "string", Some(("+\"A\"", Comparable::No)));
        check(Sqlite, "int", "string", None);
    }
}

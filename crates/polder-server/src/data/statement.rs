//! The one statement that a request becomes. Names in it are the dataset's own, quoted; every value is a parameter.

use std::fmt::Write as _;

use polder_engine::ScalarValue;
use polder_model::TableName;
use polder_platform::OfferedData;

use super::ask::{Ask, Filter, Operator, Order};
use super::cursor::Cursor;
use super::keys::Keys;

/// A statement with the values of its parameters.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<ScalarValue>,
}

impl Statement {
    /// The statement for a page and one row more, which tells whether there is another page.
    pub(super) fn of(data: &OfferedData, ask: &Ask, version: Option<u64>) -> Self {
        let mut statement = Self { sql: "select ".to_owned(), values: Vec::new() };
        // The order's columns too: where the page ends is told by them.
        let mut columns: Vec<&str> = ask.columns.iter().map(String::as_str).collect();
        columns.extend(ask.order.iter().map(|order| order.column.as_str()).filter(|name| !ask.columns.iter().any(|c| c == name)));
        statement.sql.push_str(&columns.into_iter().map(quoted).collect::<Vec<_>>().join(", "));
        statement.from(&data.name, version);
        statement.conditions(ask);
        statement.order(ask);
        statement
    }

    /// The statement for the rows of keys, and perhaps more: of a key of several columns, rows that have each value of some key.
    pub(super) fn of_keys(data: &OfferedData, columns: &[String], keys: &Keys, version: Option<u64>) -> Self {
        let mut statement = Self { sql: "select ".to_owned(), values: Vec::new() };
        let more = data.key_columns.iter().filter(|name| !columns.contains(name));
        let columns: Vec<String> = columns.iter().chain(more).map(|name| quoted(name)).collect();
        statement.sql.push_str(&columns.join(", "));
        statement.from(&data.name, version);
        let conditions = data.key_columns.iter().zip(keys.by_column()).map(|(column, mut values)| {
            values.sort_unstable_by_key(ToString::to_string);
            values.dedup();
            let values: Vec<String> = values.into_iter().map(|value| statement.parameter(value)).collect();
            format!("{} in ({})", quoted(column), values.join(", "))
        });
        let conditions: Vec<String> = conditions.collect();
        let _ = write!(statement.sql, " where {}", conditions.join(" and "));
        statement
    }

    fn from(&mut self, name: &TableName, version: Option<u64>) {
        let TableName { catalog, schema, object } = name;
        let names = [catalog.as_str(), schema.as_str(), object.as_str()].map(quoted).join(".");
        let _ = write!(self.sql, " from {names}");
        if let Some(version) = version {
            let _ = write!(self.sql, " version as of {version}");
        }
    }

    fn conditions(&mut self, ask: &Ask) {
        let mut conditions: Vec<String> = ask.filters.iter().map(|filter| self.filter(filter)).collect();
        conditions.extend(ask.cursor.as_ref().map(|cursor| self.not_before(&ask.order, cursor)));
        if !conditions.is_empty() {
            let _ = write!(self.sql, " where {}", conditions.join(" and "));
        }
    }

    fn order(&mut self, ask: &Ask) {
        let order: Vec<String> = ask
            .order
            .iter()
            .map(|order| format!("{} {} nulls last", quoted(&order.column), if order.descending { "desc" } else { "asc" }))
            .collect();
        if !order.is_empty() {
            let _ = write!(self.sql, " order by {}", order.join(", "));
        }
        let skip = ask.cursor.as_ref().map_or(0, |cursor| cursor.skip);
        let _ = write!(self.sql, " limit {} offset {skip}", ask.limit + 1);
    }

    fn parameter(&mut self, value: ScalarValue) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn filter(&mut self, filter: &Filter) -> String {
        let column = quoted(&filter.column);
        let first = || filter.values[0].clone();
        let sign = match filter.operator {
            Operator::Equal => "=",
            Operator::NotEqual => "<>",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::IsNull if filter.values[0] == ScalarValue::from(true) => return format!("{column} is null"),
            Operator::IsNull => return format!("{column} is not null"),
            Operator::In => {
                let values: Vec<String> = filter.values.iter().map(|value| self.parameter(value.clone())).collect();
                return format!("{column} in ({})", values.join(", "));
            }
            Operator::Contains => return format!("strpos({column}, {}) > 0", self.parameter(first())),
            Operator::StartsWith => return format!("starts_with({column}, {})", self.parameter(first())),
        };
        format!("{column} {sign} {}", self.parameter(first()))
    }

    /// That a row is not before the cursor's in the order: it is beyond in the first column where they differ, or the same in all.
    fn not_before(&mut self, order: &[Order], cursor: &Cursor) -> String {
        let mut ways = Vec::with_capacity(order.len() + 1);
        let mut same = Vec::new();
        for (order, value) in order.iter().zip(&cursor.after) {
            let column = quoted(&order.column);
            // Missing values come last in either direction.
            if value.is_null() {
                same.push(format!("{column} is null"));
                continue;
            }
            let value = self.parameter(value.clone());
            let sign = if order.descending { "<" } else { ">" };
            let beyond = format!("({column} {sign} {value} or {column} is null)");
            ways.push(same.iter().cloned().chain([beyond]).collect::<Vec<_>>().join(" and "));
            same.push(format!("{column} = {value}"));
        }
        if !same.is_empty() {
            ways.push(same.join(" and "));
        }
        format!("({})", ways.join(" or "))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

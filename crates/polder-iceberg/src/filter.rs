//! Filters, as far as they tell that a file has no row of those that are asked for. Whoever reads the file filters its rows.

use std::cmp::Ordering;

use serde_json::Value;

use crate::scalar::Scalar;
use crate::schema::{Column, Schema};
use crate::statistics::Statistics;

/// What is known of a file.
pub(crate) struct Known<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) case_sensitive: bool,
    /// The partition columns with the file's values.
    pub(crate) partition: Vec<(&'a Column, Option<&'a Scalar>)>,
    pub(crate) statistics: &'a Statistics,
}

/// Whether a filter may hold for a row of a file, and whether it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct May {
    hold: bool,
    fail: bool,
}

impl May {
    const UNKNOWN: Self = Self { hold: true, fail: true };

    const fn exactly(holds: bool) -> Self {
        Self { hold: holds, fail: !holds }
    }

    /// Of rows of which some may be other than what the file tells.
    const fn hold_if(holds: bool) -> Self {
        Self { hold: holds, fail: true }
    }

    const fn not(self) -> Self {
        Self { hold: self.fail, fail: self.hold }
    }
}

/// What is known of a column in a file.
enum Values {
    /// Every row has this one; `None` when it is missing.
    One(Option<Scalar>),
    /// They are between these.
    Between(Scalar, Scalar),
    /// Every row lacks it.
    Missing,
    Unknown,
}

impl Known<'_> {
    /// Whether a row of the file may be one of those that a filter lets through.
    pub(crate) fn may_hold(&self, filter: &Value) -> bool {
        self.may(filter).hold
    }

    fn may(&self, filter: &Value) -> May {
        if let Some(constant) = filter.as_bool() {
            return May::exactly(constant);
        }
        let side = |name: &str| filter.get(name).map_or(May::UNKNOWN, |filter| self.may(filter));
        match filter["type"].as_str().unwrap_or_default() {
            "true" => May::exactly(true),
            "false" => May::exactly(false),
            "and" => {
                let (left, right) = (side("left"), side("right"));
                May { hold: left.hold && right.hold, fail: left.fail || right.fail }
            }
            "or" => {
                let (left, right) = (side("left"), side("right"));
                May { hold: left.hold || right.hold, fail: left.fail && right.fail }
            }
            "not" => side("child").not(),
            "not-eq" => self.of_value(filter, "eq").not(),
            "not-in" => self.of_values(filter).not(),
            "in" => self.of_values(filter),
            "not-starts-with" => self.of_value(filter, "starts-with").not(),
            "is-null" => self.is_missing(filter),
            "not-null" => self.is_missing(filter).not(),
            operator @ ("eq" | "lt" | "lt-eq" | "gt" | "gt-eq" | "starts-with") => self.of_value(filter, operator),
            _ => May::UNKNOWN,
        }
    }

    fn column(&self, filter: &Value) -> Option<&Column> {
        let term = &filter["term"];
        let name = term.as_str().or_else(|| term["term"].as_str().filter(|_| term["type"] == "reference"))?;
        self.schema.column(name, self.case_sensitive)
    }

    fn of_value(&self, filter: &Value, operator: &str) -> May {
        let Some(column) = self.column(filter) else { return May::UNKNOWN };
        self.compared(column, operator, &filter["value"])
    }

    fn of_values(&self, filter: &Value) -> May {
        let (Some(column), Some(values)) = (self.column(filter), filter["values"].as_array()) else { return May::UNKNOWN };
        values
            .iter()
            .map(|value| self.compared(column, "eq", value))
            .fold(May::exactly(false), |one, other| May { hold: one.hold || other.hold, fail: one.fail && other.fail })
    }

    fn compared(&self, column: &Column, operator: &str, value: &Value) -> May {
        let Some(value) = Scalar::of_json(column.primitive, value) else { return May::UNKNOWN };
        match self.values(column) {
            Values::One(Some(own)) => holds(operator, &own, &value).map_or(May::UNKNOWN, May::exactly),
            Values::One(None) | Values::Missing => May::exactly(false),
            Values::Between(least, largest) => May::hold_if(may_hold(operator, &least, &largest, &value).unwrap_or(true)),
            Values::Unknown => May::UNKNOWN,
        }
    }

    fn is_missing(&self, filter: &Value) -> May {
        let Some(column) = self.column(filter) else { return May::UNKNOWN };
        match self.values(column) {
            Values::One(value) => May::exactly(value.is_none()),
            Values::Missing => May::exactly(true),
            _ if self.statistics.missing(column) == Some(0) => May::exactly(false),
            _ => May::UNKNOWN,
        }
    }

    fn values(&self, column: &Column) -> Values {
        if let Some((_, value)) = self.partition.iter().find(|(partition, _)| partition.id == column.id) {
            return Values::One(value.cloned());
        }
        let missing = self.statistics.missing(column);
        if missing.is_some() && missing == self.statistics.rows() {
            return Values::Missing;
        }
        self.statistics.bounds(column).map_or(Values::Unknown, |(least, largest)| Values::Between(least, largest))
    }
}

/// Whether a comparison holds; `None` where that is not to be relied on.
fn holds(operator: &str, own: &Scalar, value: &Scalar) -> Option<bool> {
    if operator == "starts-with" {
        return match (own, value) {
            (Scalar::String(own), Scalar::String(value)) => Some(own.starts_with(value)),
            _ => None,
        };
    }
    let order = own.compare(value)?;
    Some(match operator {
        "eq" => order == Ordering::Equal,
        "lt" => order == Ordering::Less,
        "lt-eq" => order != Ordering::Greater,
        "gt" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

/// Whether a comparison may hold for something between two values.
fn may_hold(operator: &str, least: &Scalar, largest: &Scalar, value: &Scalar) -> Option<bool> {
    Some(match operator {
        "eq" => least.compare(value)? != Ordering::Greater && largest.compare(value)? != Ordering::Less,
        "lt" => least.compare(value)? == Ordering::Less,
        "lt-eq" => least.compare(value)? != Ordering::Greater,
        "gt" => largest.compare(value)? == Ordering::Greater,
        "gt-eq" => largest.compare(value)? != Ordering::Less,
        _ => match (least, largest, value) {
            (Scalar::String(least), Scalar::String(largest), Scalar::String(prefix)) => {
                largest >= prefix && (least <= prefix || least.starts_with(prefix.as_str()))
            }
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let field = |name: &str, data_type: &str| json!({ "name": name, "type": data_type, "nullable": true, "metadata": {} });
        let fields = [
            field("country", "string"),
            field("n", "long"),
            field("s", "string"),
            field("at", "timestamp"),
            field("x", "double"),
        ];
        Schema::of_delta(&json!({ "type": "struct", "fields": fields }), false).unwrap()
    }

    /// A file of country NL, with n from 10 to 20, s from b to d, and x that nobody relies on.
    fn may(filter: Value) -> bool {
        let schema = schema();
        let statistics = Statistics::read(Some(
            r#"{"numRecords":5,"minValues":{"n":10,"s":"b","at":"2026-01-01T00:00:00.000Z","x":1.0},
                "maxValues":{"n":20,"s":"d","at":"2026-01-02T00:00:00.000Z","x":2.0},"nullCount":{"n":0,"s":2,"x":5}}"#,
        ));
        let nl = Scalar::String("NL".to_owned());
        let partition = vec![(&schema.columns[0], Some(&nl))];
        Known { schema: &schema, case_sensitive: true, partition, statistics: &statistics }.may_hold(&filter)
    }

    fn leaf(operator: &str, term: &str, value: Value) -> Value {
        json!({ "type": operator, "term": term, "value": value })
    }

    #[test]
    fn a_file_is_left_out_only_where_no_row_of_it_can_be_meant() {
        let table = [
            (leaf("eq", "country", json!("NL")), true),
            (leaf("eq", "country", json!("US")), false),
            (leaf("not-eq", "country", json!("NL")), false),
            (leaf("eq", "n", json!(9)), false),
            (leaf("eq", "n", json!(10)), true),
            (leaf("lt", "n", json!(10)), false),
            (leaf("lt-eq", "n", json!(10)), true),
            (leaf("gt", "n", json!(20)), false),
            (leaf("gt-eq", "n", json!(20)), true),
            (leaf("not-eq", "n", json!(15)), true),
            (leaf("starts-with", "s", json!("a")), false),
            (leaf("starts-with", "s", json!("ca")), true),
            (leaf("starts-with", "country", json!("N")), true),
            (leaf("not-starts-with", "country", json!("N")), false),
            // Within the millisecond that the log cut off.
            (leaf("gt", "at", json!("2026-01-02T00:00:00.000500+00:00")), true),
            (leaf("gt", "at", json!("2026-01-02T00:00:00.001000+00:00")), false),
            (json!({ "type": "in", "term": "country", "values": ["US", "NL"] }), true),
            (json!({ "type": "in", "term": "country", "values": ["US", "DE"] }), false),
            (json!({ "type": "not-in", "term": "country", "values": ["US", "NL"] }), false),
            (json!({ "type": "is-null", "term": "n" }), false),
            (json!({ "type": "is-null", "term": "s" }), true),
            (json!({ "type": "is-null", "term": "country" }), false),
            (json!({ "type": "not-null", "term": "x" }), false),
            (json!({ "type": "and", "left": leaf("eq", "country", json!("NL")), "right": leaf("eq", "n", json!(5)) }), false),
            (json!({ "type": "or", "left": leaf("eq", "country", json!("US")), "right": leaf("eq", "n", json!(15)) }), true),
            (json!({ "type": "not", "child": leaf("eq", "country", json!("NL")) }), false),
            (json!({ "type": "not", "child": leaf("eq", "n", json!(15)) }), true),
            (json!(true), true),
            (json!(false), false),
        ];
        for (filter, expected) in table {
            assert_eq!(may(filter.clone()), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_not_understood_leaves_nothing_out() {
        for filter in [
            json!({}),
            json!("eq"),
            json!({ "type": "and" }),
            json!({ "type": "like", "term": "s", "value": "x%" }),
            leaf("eq", "absent", json!(1)),
            leaf("eq", "n", json!("x")),
            leaf("eq", "n", json!({})),
            json!({ "type": "eq", "term": { "type": "transform", "transform": "bucket[4]", "term": "n" }, "value": 1 }),
            json!({ "type": "not", "child": { "type": "like", "term": "s", "value": "x%" } }),
        ] {
            assert!(may(filter.clone()), "{filter}");
        }
    }
}

//! What is asked for: `columns`, `filter[column]`, `filter[column][operator]`, `sort`, `limit`, `cursor`.

use polder_engine::ScalarValue;
use polder_model::text::short;
use polder_model::{Column, DataType};
use url::form_urlencoded;

use super::cursor::Cursor;
use crate::problem::Problem;

/// How many rows are on a page unless told, and at most.
const ROWS: usize = 100;
const MOST_ROWS: usize = 10_000;
/// How many conditions one request may have, and how many values one of them.
const MOST_FILTERS: usize = 32;
const MOST_VALUES: usize = 500;

/// What is asked of a dataset.
#[derive(Debug)]
pub(super) struct Ask {
    /// The columns that are wanted, as the dataset spells them.
    pub(super) columns: Vec<String>,
    /// What rows have to fulfil, all of it.
    pub(super) filters: Vec<Filter>,
    /// The order: the columns that were asked for, then all others that have one, so that it is one order and no other.
    pub(super) order: Vec<Order>,
    pub(super) limit: usize,
    pub(super) cursor: Option<Cursor>,
    /// The parameters as they came, without the cursor.
    rest: Vec<(String, String)>,
}

/// A condition on one column.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) column: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<ScalarValue>,
}

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    IsNull,
    Contains,
    StartsWith,
}

/// A column of an order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) column: String,
    pub(super) data_type: DataType,
    pub(super) descending: bool,
}

impl Operator {
    /// Every operator with its word.
    pub(super) const ALL: [(&'static str, Self); 10] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("lt", Self::Less),
        ("lte", Self::LessOrEqual),
        ("gt", Self::Greater),
        ("gte", Self::GreaterOrEqual),
        ("in", Self::In),
        ("null", Self::IsNull),
        ("contains", Self::Contains),
        ("startsWith", Self::StartsWith),
    ];
}

impl Ask {
    /// Reads the parameters of a request. Of a metric view, what is asked for decides which rows there are, so that nothing else orders
    /// them.
    ///
    /// # Errors
    /// When one of them is not known, names no column, or its value does not fit.
    pub(super) fn read(query: &str, known: &[Column], is_metric: bool) -> Result<Self, Problem> {
        let mut ask =
            Self { columns: Vec::new(), filters: Vec::new(), order: Vec::new(), limit: ROWS, cursor: None, rest: Vec::new() };
        let mut sorted: Vec<Order> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let mut cursor = None;
        // What is no text would be compared as another one, and found nowhere.
        if percent_encoding::percent_decode_str(query).decode_utf8().is_err() {
            return Err(Problem::invalid("the query is not text in UTF-8").with_hint("percent-encode values as UTF-8"));
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            if !name.starts_with("filter[") && seen.contains(&name) {
                return Err(Problem::invalid(format!("{:?} stands there twice", short(&name))));
            }
            seen.push(name.clone());
            match name.as_str() {
                "columns" => ask.columns = names(&value, known)?,
                "sort" => sorted = order(&value, known)?,
                "limit" => ask.limit = limit(&value)?,
                "cursor" => cursor = Some(value.clone()),
                _ => ask.filters.push(filter(&name, &value, known)?),
            }
            if name != "cursor" {
                ask.rest.push((name, value));
            }
        }
        if ask.filters.len() > MOST_FILTERS {
            return Err(Problem::invalid(format!("there are {} filters, and {MOST_FILTERS} at most", ask.filters.len())));
        }
        if ask.columns.is_empty() {
            ask.columns = known.iter().map(|column| column.name.clone()).collect();
        }
        let others = known.iter().filter(|column| is_ordered(&column.data_type));
        let others = others.filter(|column| !is_metric || ask.columns.contains(&column.name));
        let others = others.filter(|column| sorted.iter().all(|order| order.column != column.name));
        let others: Vec<Order> = others.map(|column| Order::of(column, false)).collect();
        ask.order = sorted.into_iter().chain(others).collect();
        ask.cursor = cursor.map(|text| Cursor::read(&text, &ask.order)).transpose()?;
        Ok(ask)
    }

    /// The same with another cursor, as the query of an address.
    pub(super) fn with_cursor(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.rest);
        query.append_pair("cursor", cursor);
        query.finish()
    }
}

impl Order {
    fn of(column: &Column, descending: bool) -> Self {
        Self { column: column.name.clone(), data_type: column.data_type.clone(), descending }
    }
}

/// Whether values of a type have an order.
pub(super) const fn is_ordered(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::Array(_) | DataType::Map(..) | DataType::Struct(_) | DataType::Binary)
}

/// Reads a value of a column.
pub(super) fn value(column: &str, data_type: &DataType, text: &str) -> Result<ScalarValue, Problem> {
    let wrong = || Problem::invalid(format!("{:?} is no {data_type}, which the column {column} is of", short(text)));
    let arrow = polder_arrow::to_arrow(data_type);
    ScalarValue::try_from_string(text.to_owned(), &arrow).map_err(|_| wrong())
}

pub(super) fn find<'c>(name: &str, known: &'c [Column]) -> Result<&'c Column, Problem> {
    known.iter().find(|column| column.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|column| column.name.as_str()).take(50).collect();
        Problem::invalid(format!("the dataset has no column {:?}", short(name))).with_hint(format!("it has {}", names.join(", ")))
    })
}

fn names(text: &str, known: &[Column]) -> Result<Vec<String>, Problem> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim) {
        let column = find(name, known)?;
        if !names.contains(&column.name) {
            names.push(column.name.clone());
        }
    }
    Ok(names)
}

fn order(text: &str, known: &[Column]) -> Result<Vec<Order>, Problem> {
    let mut order: Vec<Order> = Vec::new();
    for name in text.split(',').map(str::trim) {
        let (descending, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
        let column = find(name, known)?;
        if !is_ordered(&column.data_type) {
            let message = format!("values of {} have no order: they are of type {}", column.name, column.data_type);
            return Err(Problem::invalid(message));
        }
        if order.iter().all(|one| one.column != column.name) {
            order.push(Order::of(column, descending));
        }
    }
    Ok(order)
}

fn limit(text: &str) -> Result<usize, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=MOST_ROWS).contains(limit));
    limit.ok_or_else(|| Problem::invalid(format!("limit is a number from 1 to {MOST_ROWS}")))
}

/// `filter[amount]=10`, `filter[amount][gte]=10`.
fn filter(name: &str, text: &str, known: &[Column]) -> Result<Filter, Problem> {
    let unknown = || {
        Problem::invalid(format!("there is no parameter {:?}", short(name)))
            .with_hint("use columns, filter[column], filter[column][operator], sort, limit or cursor")
    };
    let inside = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')).ok_or_else(unknown)?;
    let (column, word) = inside.split_once("][").unwrap_or((inside, "eq"));
    let column = find(column, known)?;
    let operator = Operator::ALL.iter().find(|(known, _)| *known == word).map(|(_, operator)| *operator).ok_or_else(|| {
        let words: Vec<&str> = Operator::ALL.iter().map(|(word, _)| *word).collect();
        Problem::invalid(format!("there is no operator {:?}", short(word))).with_hint(format!("use {}", words.join(", ")))
    })?;
    let of_column = |text: &str| value(&column.name, &column.data_type, text);
    let values = match operator {
        Operator::IsNull => match text {
            "true" => vec![ScalarValue::from(true)],
            "false" => vec![ScalarValue::from(false)],
            _ => return Err(Problem::invalid("null is true or false")),
        },
        _ if !is_ordered(&column.data_type) => {
            let message = format!("values of {} cannot be compared: they are of type {}", column.name, column.data_type);
            return Err(Problem::invalid(message));
        }
        Operator::In => {
            let values: Vec<&str> = text.split(',').collect();
            if values.len() > MOST_VALUES {
                return Err(Problem::invalid(format!("a filter has {} values, and {MOST_VALUES} at most", values.len())));
            }
            values.into_iter().map(of_column).collect::<Result<_, _>>()?
        }
        Operator::Contains | Operator::StartsWith if column.data_type != DataType::String => {
            return Err(Problem::invalid(format!("{word} is for texts, and {} is of type {}", column.name, column.data_type)));
        }
        _ => vec![of_column(text)?],
    };
    Ok(Filter { column: column.name.clone(), operator, values })
}

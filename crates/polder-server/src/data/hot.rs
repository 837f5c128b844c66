//! Reading one key of a dataset whose rows are held by key: the same question and the same answer as in the ordinary way.

use arrow::array::RecordBatch;
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use polder_api::RowForm;
use polder_engine::ScalarValue;
use polder_model::DatasetId;
use polder_platform::{HotData, Platform};

use super::ask::{Ask, Operator};
use super::keys::Keys;
use super::{Answered, From, matches_tag, not_modified, tag};
use crate::api::query::rows;
use crate::problem::Problem;

/// Answers a question for one key and nothing else; `None` where the ordinary way has to.
pub(super) async fn read(
    platform: &Platform,
    dataset: &DatasetId,
    asked: &str,
    form: RowForm,
    headers: &HeaderMap,
) -> Result<Option<Response>, Problem> {
    // What cannot be a question for a key is not looked at twice.
    if !asked.contains("filter") || asked.contains("cursor=") {
        return Ok(None);
    }
    let Some(hot) = platform.hot_data(dataset).await? else { return Ok(None) };
    let ask = Ask::read(asked, &hot.columns, false)?;
    let Some(values) = key_of(&ask, &hot) else { return Ok(None) };
    let tag = tag(&hot.state, asked, form);
    // The order's columns too, where there may be more rows than one.
    let mut columns = ask.columns.clone();
    columns.extend(ask.order.iter().map(|order| &order.column).filter(|name| !ask.columns.contains(name)).cloned());
    let keys = Keys::one(values).arrays(hot.key_types())?;
    let Some(found) = hot.look_up(&keys, &columns).await? else { return Ok(None) };
    if found.rows.num_rows() > ask.limit {
        return Ok(None);
    }
    if matches_tag(headers, &tag) {
        return Ok(Some(not_modified(&tag)));
    }
    let rows = if found.rows.num_rows() > 1 { in_order(&found.rows, &ask)? } else { found.rows };
    let rows = rows.project(&(0..ask.columns.len()).collect::<Vec<_>>()).map_err(Problem::internal)?;
    let rows = if form == RowForm::Arrow { hot.as_answered(&rows)? } else { rows };
    let mut response = Body::from(rows::whole(form, &rows)?).into_response();
    let answered = Answered { form, from: From::Hot, version: Some(hot.state.version), tag: Some(&tag) };
    answered.tell(response.headers_mut())?;
    Ok(Some(response))
}

/// The values of the key, if that is all that a question is about: each of its columns is one value, and no other condition.
fn key_of(ask: &Ask, hot: &HotData) -> Option<Vec<ScalarValue>> {
    if ask.cursor.is_some() || ask.filters.len() != hot.key_columns.len() {
        return None;
    }
    let value = |column: &String| {
        let filter = ask.filters.iter().find(|filter| filter.column == *column && filter.operator == Operator::Equal)?;
        filter.values.first().cloned()
    };
    hot.key_columns.iter().map(value).collect()
}

/// Rows in the order that was asked for.
fn in_order(rows: &RecordBatch, ask: &Ask) -> Result<RecordBatch, Problem> {
    let column = |order: &super::ask::Order| {
        let options = Some(SortOptions { descending: order.descending, nulls_first: false });
        rows.column_by_name(&order.column).map(|values| SortColumn { values: values.clone(), options })
    };
    let columns: Vec<SortColumn> = ask.order.iter().filter_map(column).collect();
    if columns.is_empty() {
        return Ok(rows.clone());
    }
    let indices = lexsort_to_indices(&columns, None).map_err(Problem::internal)?;
    take_record_batch(rows, &indices).map_err(Problem::internal)
}

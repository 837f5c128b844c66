//! `POST /data/{domain}/{name}/{version}/lookup`: the rows of many keys at once, in the order of the keys, and which keys have none.

use std::collections::HashMap;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::row::{RowConverter, SortField};
use axum::body::Body as HttpBody;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use polder_api::RowForm;
use polder_arrow::size;
use polder_model::{Column, DatasetId};
use polder_platform::{HotData, LookedUp, OfferedData, Platform};
use serde::Deserialize;

use super::ask::find;
use super::keys::{AskedKey, Keys};
use super::statement::Statement;
use super::{Answered, From, OfDataset, dataset, page};
use crate::api::query::{form, rows};
use crate::environments::Here;
use crate::problem::{Body, PathOf, Problem};

/// The places of the keys that have no row, counted from 0: in forms that are rows and nothing else.
const MISSING_KEYS: HeaderName = HeaderName::from_static("polder-missing-keys");

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookUp {
    /// Objects with the columns of the key.
    keys: Vec<AskedKey>,
    /// The columns that are wanted; all unless told.
    #[serde(default)]
    columns: Option<Vec<String>>,
}

/// What was found, and how.
struct Answer {
    found: LookedUp,
    from: From,
    version: Option<u64>,
}

pub(super) async fn look_up(
    reader: Here,
    PathOf(OfDataset { domain, name, version }): PathOf<OfDataset>,
    headers: HeaderMap,
    Body(request): Body<LookUp>,
) -> Result<Response, Problem> {
    let form = form(&headers)?;
    let dataset = dataset(&domain, &name, &version)?;
    let hot = reader.platform.hot_data(&dataset).await?;
    let answer = match hot {
        Some(hot) => held(&hot, &request, form).await?,
        None => None,
    };
    let answer = match answer {
        Some(answer) => answer,
        None => read(&reader.platform, &dataset, &request).await?,
    };
    let missing: Vec<usize> = (0..answer.found.counts.len()).filter(|at| answer.found.counts[*at] == 0).collect();
    let bytes = match form {
        RowForm::Json => objects(&request.keys, &answer, &missing)?.into(),
        form => rows::whole(form, &answer.found.rows)?,
    };
    let mut response = HttpBody::from(bytes).into_response();
    Answered { form, from: answer.from, version: answer.version, tag: None }.tell(response.headers_mut())?;
    if form != RowForm::Json {
        let missing = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        response.headers_mut().insert(MISSING_KEYS, HeaderValue::from_str(&missing).map_err(Problem::internal)?);
    }
    Ok(response)
}

/// The rows as they are held by key; `None` where there are more of them than one look-up answers from there.
async fn held(hot: &HotData, request: &LookUp, form: RowForm) -> Result<Option<Answer>, Problem> {
    let (keys, columns) = understood(request, &hot.columns, &hot.key_columns)?;
    let found = hot.look_up(&keys.arrays(hot.key_types())?, &columns).await?;
    let Some(mut found) = found else { return Ok(None) };
    if form == RowForm::Arrow {
        found.rows = hot.as_answered(&found.rows)?;
    }
    Ok(Some(Answer { found, from: From::Hot, version: Some(hot.state.version) }))
}

/// The rows as a query reads them.
async fn read(platform: &Platform, dataset: &DatasetId, request: &LookUp) -> Result<Answer, Problem> {
    let data = platform.offered_data(dataset).await?;
    if data.key_columns.is_empty() {
        return Err(Problem::invalid(format!("rows of {dataset} are not looked up by key: it declares no hotStorage"))
            .with_hint("ask for rows with filters, or have its owner declare the key"));
    }
    let (keys, columns) = understood(request, &data.columns, &data.key_columns)?;
    let version = data.state.as_ref().map(|state| state.version);
    let Statement { sql, values } = Statement::of_keys(&data, &columns, &keys, version);
    let (schema, batches) = page::bounded(platform.query_with(&sql, values).await?).await?;
    let rows = concat_batches(&schema, &batches).map_err(Problem::internal)?;
    let found = by_key(&rows, &keys, &data)?;
    let wanted: Vec<usize> = (0..columns.len()).collect();
    let rows = found.rows.project(&wanted).map_err(Problem::internal)?;
    Ok(Answer { found: LookedUp { rows, counts: found.counts }, from: From::Lake, version })
}

/// The keys, and the columns that are wanted as the dataset spells them.
fn understood(request: &LookUp, known: &[Column], key: &[String]) -> Result<(Keys, Vec<String>), Problem> {
    let key: Vec<&Column> = key.iter().filter_map(|name| known.iter().find(|column| column.name == *name)).collect();
    let keys = Keys::read(&request.keys, &key)?;
    let Some(asked) = &request.columns else { return Ok((keys, known.iter().map(|column| column.name.clone()).collect())) };
    let mut columns: Vec<String> = Vec::with_capacity(asked.len());
    for name in asked {
        let column = find(name, known)?;
        if !columns.contains(&column.name) {
            columns.push(column.name.clone());
        }
    }
    if columns.is_empty() {
        return Err(Problem::invalid("columns names none").with_hint("leave it out for all of them"));
    }
    Ok((keys, columns))
}

/// Puts rows in the order of the keys, by the values that are shown, and leaves out those of no key.
fn by_key(rows: &RecordBatch, keys: &Keys, data: &OfferedData) -> Result<LookedUp, Problem> {
    let absent = || Problem::internal("a column of the key");
    let shown = data.key_columns.iter().map(|name| rows.column_by_name(name).ok_or_else(absent));
    let shown: Vec<&ArrayRef> = shown.collect::<Result<_, _>>()?;
    let types: Vec<_> = shown.iter().map(|column| plain(column)).collect::<Result<Vec<ArrayRef>, Problem>>()?;
    let kinds: Vec<_> = types.iter().map(|column| column.data_type().clone()).collect();
    let fields = kinds.iter().cloned().map(SortField::new).collect();
    let converter = RowConverter::new(fields).map_err(Problem::internal)?;
    let found = converter.convert_columns(&types).map_err(Problem::internal)?;
    let mut places: HashMap<&[u8], Vec<u64>> = HashMap::new();
    for at in 0..rows.num_rows() {
        places.entry(found.row(at).data()).or_default().push(at as u64);
    }
    let asked = converter.convert_columns(&keys.arrays(&kinds)?).map_err(Problem::internal)?;
    let (mut order, mut counts, mut bytes) = (Vec::new(), Vec::with_capacity(keys.len()), 0);
    for key in &asked {
        let of_key = places.get(key.data()).map_or(&[][..], Vec::as_slice);
        counts.push(of_key.len());
        for at in of_key {
            // A key that is asked for several times has its rows each time.
            bytes += size_of::<u64>() + size::of_row(rows, usize::try_from(*at).map_err(Problem::internal)?);
            if bytes > page::MOST_BYTES {
                return Err(page::too_large());
            }
            order.push(*at);
        }
    }
    let rows = take_record_batch(rows, &UInt64Array::from(order)).map_err(Problem::internal)?;
    Ok(LookedUp { rows, counts })
}

/// Partition columns may come as dictionaries.
fn plain(column: &ArrayRef) -> Result<ArrayRef, Problem> {
    match column.data_type() {
        arrow::datatypes::DataType::Dictionary(_, values) => cast(column, values).map_err(Problem::internal),
        _ => Ok(column.clone()),
    }
}

/// `{"version": 3, "results": [{"key": {"id": 7}, "rows": [{...}]}, ...], "missing": [1]}`: a result for each key, in their order.
fn objects(keys: &[AskedKey], answer: &Answer, missing: &[usize]) -> Result<Vec<u8>, Problem> {
    let lines = rows::whole(RowForm::NdJson, &answer.found.rows)?;
    let mut lines = lines.split(|byte| *byte == b'\n');
    let mut out = Vec::with_capacity(64 * keys.len());
    let version = serde_json::to_string(&answer.version).map_err(Problem::internal)?;
    out.extend_from_slice(format!("{{\"version\":{version},\"results\":[").as_bytes());
    for (at, (key, count)) in keys.iter().zip(&answer.found.counts).enumerate() {
        out.extend_from_slice(if at == 0 { b"{\"key\":" } else { b",{\"key\":" });
        serde_json::to_writer(&mut out, key).map_err(Problem::internal)?;
        out.extend_from_slice(b",\"rows\":[");
        for (number, line) in lines.by_ref().take(*count).enumerate() {
            if number > 0 {
                out.push(b',');
            }
            out.extend_from_slice(line);
        }
        out.extend_from_slice(b"]}");
    }
    let missing = serde_json::to_string(missing).map_err(Problem::internal)?;
    out.extend_from_slice(format!("],\"missing\":{missing}}}\n").as_bytes());
    Ok(out)
}

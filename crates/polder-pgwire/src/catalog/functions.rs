//! Functions that clients call in questions to the catalog, beside those that datafusion-pg-catalog has.
//!
//! Most of them say the same of everything here: all is visible, nothing has a definition that could be shown. Some say who asks, and
//! where; some look up what is known.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError};

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Int32Array, Int64Array, ListArray, StringArray, StructArray,
};
use arrow::array::{NullArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::{exec_datafusion_err, plan_datafusion_err};
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry as _, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::Facts;
use super::known::Known;
use super::rewrite::{relation_named, type_name};
use super::statics::{Statics, function_named};
use crate::settings::VERSION;

/// What all of these say: that it is visible, or allowed.
const TRUE: [&str; 22] = [
    "pg_table_is_visible",
    "pg_function_is_visible",
    "pg_type_is_visible",
    "pg_operator_is_visible",
    "pg_opclass_is_visible",
    "pg_opfamily_is_visible",
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible",
    "pg_ts_parser_is_visible",
    "pg_ts_template_is_visible",
    "has_table_privilege",
    "has_schema_privilege",
    "has_database_privilege",
    "has_column_privilege",
    "has_any_column_privilege",
    "has_sequence_privilege",
    "has_function_privilege",
    "has_type_privilege",
    "has_language_privilege",
];
/// What none of these is.
const FALSE: [&str; 6] = [
    "pg_is_in_recovery",
    "pg_is_other_temp_schema",
    "pg_relation_is_publishable",
    "row_security_active",
    "pg_column_is_updatable",
    "pg_is_wal_replay_paused",
];
/// What is nothing, as text.
const NOTHING: [&str; 27] = [
    // What is said of columns that number themselves: there are none.
    "json_build_object",
    "pg_get_viewdef",
    "pg_get_indexdef",
    "pg_get_triggerdef",
    "pg_get_ruledef",
    "pg_get_functiondef",
    "pg_get_function_result",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_sqlbody",
    "pg_get_serial_sequence",
    "pg_get_constraintdef",
    "pg_get_partkeydef",
    "pg_get_partition_constraintdef",
    "pg_get_statisticsobjdef",
    "pg_get_statisticsobjdef_columns",
    "pg_get_expr",
    "pg_tablespace_location",
    "pg_size_pretty",
    "shobj_description",
    "inet_server_addr",
    "inet_client_addr",
    "pg_advisory_unlock_all",
    "pg_advisory_lock",
    "pg_indexam_progress_phasename",
    "pg_describe_object",
    "pg_stat_get_backend_activity",
];
/// What is nothing, as a number.
const ZERO: [&str; 10] = [
    "pg_my_temp_schema",
    "pg_relation_is_updatable",
    "pg_relation_size",
    "pg_total_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_database_size",
    "pg_stat_get_numscans",
    "pg_trigger_depth",
    "pg_encoding_max_length",
];

type Compute = dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync;

/// A function that takes any values.
struct Own {
    name: String,
    signature: Signature,
    returns: DataType,
    compute: Arc<Compute>,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.compute, &other.compute)
    }
}

impl Eq for Own {}

impl Hash for Own {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Own {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays = arguments.args.into_iter().map(|value| value.into_array(rows)).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array((self.compute)(&arrays, rows)?))
    }
}

fn own(
    name: &str,
    returns: DataType,
    volatility: Volatility,
    compute: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Arc<ScalarUDF> {
    let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
    let signature = Signature::new(any, volatility);
    Arc::new(ScalarUDF::from(Own { name: name.to_owned(), signature, returns, compute: Arc::new(compute) }))
}

fn text(name: &str, value: Option<String>) -> Arc<ScalarUDF> {
    own(name, DataType::Utf8, Volatility::Stable, move |_, rows| {
        Ok(Arc::new(std::iter::repeat_n(value.as_deref(), rows).collect::<StringArray>()))
    })
}

fn flag(name: &str, value: bool) -> Arc<ScalarUDF> {
    own(name, DataType::Boolean, Volatility::Stable, move |_, rows| {
        Ok(Arc::new(std::iter::repeat_n(Some(value), rows).collect::<BooleanArray>()))
    })
}

fn number(name: &str, value: i64) -> Arc<ScalarUDF> {
    own(name, DataType::Int64, Volatility::Stable, move |_, rows| Ok(Arc::new(Int64Array::from_value(value, rows))))
}

/// Gives a session's questions their functions.
pub(super) fn register(state: &mut SessionState, facts: &Facts, known: &Arc<Known>, statics: &Arc<Statics>) -> Result<()> {
    let mut functions: Vec<Arc<ScalarUDF>> = Vec::new();
    functions.extend(TRUE.iter().map(|name| flag(name, true)));
    functions.extend(FALSE.iter().map(|name| flag(name, false)));
    functions.extend(NOTHING.iter().map(|name| text(name, None)));
    functions.extend(ZERO.iter().map(|name| number(name, 0)));
    functions.extend(of_session(facts));
    functions.extend(of_known(known, statics));
    functions.push(text("pg_client_encoding", Some("UTF8".to_owned())));
    functions.push(text("pg_encoding_to_char", Some("UTF8".to_owned())));
    functions.push(expand_array());
    for function in functions {
        state.register_udf(function)?;
    }
    Ok(())
}

/// What says who asks, and where.
fn of_session(facts: &Facts) -> Vec<Arc<ScalarUDF>> {
    let known = |name: &str, value: &str| text(name, Some(value.to_owned()));
    let version = format!("PostgreSQL {VERSION} (Polder {}), compiled by rustc, 64-bit", env!("CARGO_PKG_VERSION"));
    let mut functions = vec![
        known("version", &version),
        known("current_database", &facts.database),
        known("current_catalog", &facts.database),
        known("current_user", &facts.user),
        known("session_user", &facts.user),
        known("current_role", &facts.user),
        known("user", &facts.user),
        known("pg_get_userbyid", &facts.user),
        number("txid_current", 1),
        number("pg_current_xact_id", 1),
        number("pg_backend_pid", facts.process.into()),
        number("inet_server_port", 5432),
        number("inet_client_port", 0),
        // Of what keys are made of: there are none.
        number("generate_subscripts", 1),
    ];
    let at = facts.clone();
    functions.push(own("current_schema", DataType::Utf8, Volatility::Stable, move |_, rows| {
        let schema = at.settings.lock().unwrap_or_else(PoisonError::into_inner).schema();
        let schema = schema.unwrap_or_else(|| "public".to_owned());
        Ok(Arc::new(std::iter::repeat_n(Some(schema), rows).collect::<StringArray>()))
    }));
    let at = facts.clone();
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    functions.push(own("current_schemas", DataType::List(Arc::clone(&item)), Volatility::Stable, move |arguments, rows| {
        let own = at.settings.lock().unwrap_or_else(PoisonError::into_inner).schema();
        let implicit = arguments
            .first()
            .and_then(|flags| flags.as_boolean_opt())
            .is_some_and(|flags| flags.iter().flatten().any(|flag| flag));
        let system = implicit.then(|| "pg_catalog".to_owned());
        let names: Vec<String> = system.into_iter().chain(own).chain(["public".to_owned()]).collect();
        let lengths = OffsetBuffer::from_lengths(std::iter::repeat_n(names.len(), rows));
        let all: StringArray = std::iter::repeat_n(&names, rows).flatten().map(Some).collect();
        Ok(Arc::new(ListArray::try_new(Arc::clone(&item), lengths, Arc::new(all), None)?))
    }));
    let at = facts.clone();
    functions.push(own("current_setting", DataType::Utf8, Volatility::Stable, move |arguments, _| {
        let [names, rest @ ..] = arguments else {
            return Err(plan_datafusion_err!("current_setting takes the name of a setting"));
        };
        let missing_ok =
            rest.first().and_then(|flags| flags.as_boolean_opt()).is_some_and(|flags| flags.iter().flatten().any(|flag| flag));
        let value = |name: Option<&str>| match name.map(|name| (name, at.setting(name))) {
            None => Ok(None),
            Some((_, Some(value))) => Ok(Some(value)),
            Some((_, None)) if missing_ok => Ok(None),
            Some((name, None)) => Err(exec_datafusion_err!("unrecognized configuration parameter {name:?}")),
        };
        let names = cast(names, &DataType::Utf8)?;
        let values = names.as_string::<i32>().iter().map(value).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(StringArray::from(values)))
    }));
    let at = facts.clone();
    functions.push(own("set_config", DataType::Utf8, Volatility::Volatile, move |arguments, _| {
        let [names, values, ..] = arguments else {
            return Err(plan_datafusion_err!("set_config takes the name of a setting and a value"));
        };
        let (names, values) = (cast(names, &DataType::Utf8)?, cast(values, &DataType::Utf8)?);
        let pairs = names.as_string::<i32>().iter().zip(values.as_string::<i32>());
        let mut settings = at.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut set = Vec::with_capacity(names.len());
        for (name, value) in pairs {
            if let (Some(name), Some(value)) = (name, value) {
                settings.set(name, value).map_err(|fault| exec_datafusion_err!("{fault}"))?;
            }
            set.push(value.map(ToOwned::to_owned));
        }
        Ok(Arc::new(StringArray::from(set)))
    }));
    functions
}

/// What looks up what is known.
fn of_known(known: &Arc<Known>, statics: &Arc<Statics>) -> Vec<Arc<ScalarUDF>> {
    let mut comments: HashMap<(i64, i64), String> = HashMap::new();
    for relation in &known.relations {
        let columns = (1..).zip(&relation.comments);
        for (number, comment) in std::iter::once((0, &relation.comment)).chain(columns).filter(|(_, comment)| !comment.is_empty())
        {
            comments.insert((relation.oid.into(), number), comment.clone());
        }
    }
    let comments = Arc::new(comments);
    let of_column = Arc::clone(&comments);
    let names = Arc::clone(known);
    let types = Arc::clone(statics);
    vec![
        own("_regproc_text", DataType::Utf8, Volatility::Stable, move |arguments, rows| {
            let oids = numbers(arguments, 0, rows)?;
            Ok(Arc::new(
                oids.iter()
                    .map(|oid| oid.map(|oid| function_named(i32::try_from(oid).unwrap_or_default())))
                    .collect::<StringArray>(),
            ))
        }),
        own("to_regtype", DataType::Int32, Volatility::Stable, move |arguments, rows| {
            let Some(texts) = arguments.first() else { return Ok(new_null_array(&DataType::Int32, rows)) };
            let texts = cast(texts, &DataType::Utf8)?;
            let oid = |text: Option<&str>| types.types.get(type_name(text?)).copied();
            Ok(Arc::new(texts.as_string::<i32>().iter().map(oid).collect::<Int32Array>()))
        }),
        own("obj_description", DataType::Utf8, Volatility::Stable, move |arguments, rows| {
            let oids = numbers(arguments, 0, rows)?;
            Ok(Arc::new(oids.iter().map(|oid| comments.get(&(oid?, 0))).collect::<StringArray>()))
        }),
        own("col_description", DataType::Utf8, Volatility::Stable, move |arguments, rows| {
            let (oids, columns) = (numbers(arguments, 0, rows)?, numbers(arguments, 1, rows)?);
            let comment = |(oid, column): (Option<i64>, Option<i64>)| of_column.get(&(oid?, column?));
            Ok(Arc::new(oids.iter().zip(columns.iter()).map(comment).collect::<StringArray>()))
        }),
        own("to_regclass", DataType::Int32, Volatility::Stable, move |arguments, rows| {
            let Some(texts) = arguments.first() else { return Ok(new_null_array(&DataType::Int32, rows)) };
            let texts = cast(texts, &DataType::Utf8)?;
            Ok(Arc::new(texts.as_string::<i32>().iter().map(|text| relation_named(text?, &names)).collect::<Int32Array>()))
        }),
    ]
}

/// An argument's numbers.
fn numbers(arguments: &[ArrayRef], at: usize, rows: usize) -> Result<Int64Array> {
    let nothing: ArrayRef = Arc::new(NullArray::new(rows));
    let numbers = cast(arguments.get(at).unwrap_or(&nothing), &DataType::Int64)?;
    Ok(numbers.as_primitive::<Int64Type>().clone())
}

/// The first of an array's values and its number. There are no keys and no indexes here, of whose columns a client would ask for more.
fn expand_array() -> Arc<ScalarUDF> {
    let fields = Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("n", DataType::Int32, true)]);
    own("_pg_expandarray", DataType::Struct(fields.clone()), Volatility::Immutable, move |_, rows| {
        let nulls = || new_null_array(&DataType::Int32, rows);
        Ok(Arc::new(StructArray::try_new(fields.clone(), vec![nulls(), nulls()], None)?))
    })
}

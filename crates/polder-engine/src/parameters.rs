//! Parameters of a statement: `$1`, `$2` and so on, for which values are given when it is answered.

use std::collections::HashMap;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::{QueryError, QueryErrorKind};
use crate::physical::runnable;

/// How many parameters a statement may have: as many as the wire of PostgreSQL can count.
const MAX_PARAMETERS: usize = 65_535;

/// What a statement would give, and which values it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The columns of its rows.
    pub schema: SchemaRef,
    /// The types of its parameters, the first that of `$1`; `None` where nothing around one says what it is.
    pub parameters: Vec<Option<DataType>>,
}

impl Prepared {
    /// What takes no values.
    pub(crate) const fn without_parameters(schema: SchemaRef) -> Self {
        Self { schema, parameters: Vec::new() }
    }
}

/// Describes a query's plan.
pub(crate) async fn describe(state: &SessionState, plan: &LogicalPlan) -> Result<Prepared, QueryError> {
    let parameters = types(plan)?;
    if parameters.is_empty() {
        return Ok(Prepared { schema: runnable(state, plan).await?.plan.schema(), parameters });
    }
    // Nothing can be run without the values, so that what is coerced is all that is known.
    let coerced = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {})?;
    Ok(Prepared { schema: SchemaRef::new(coerced.schema().as_arrow().clone()), parameters })
}

/// Puts values in the places of parameters.
pub(crate) fn bind(plan: LogicalPlan, values: Vec<ScalarValue>) -> Result<LogicalPlan, QueryError> {
    let (expected, given) = (types(&plan)?.len(), values.len());
    if expected != given {
        let plural = if expected == 1 { "" } else { "s" };
        return Err(QueryError::syntax(format!("the statement has {expected} parameter{plural}, and {given} came with it"))
            .with_hint("give a value for each of $1, $2, ..."));
    }
    bind_some(plan, &values)
}

/// The same where some of the values are another query's.
pub(crate) fn bind_some(plan: LogicalPlan, values: &[ScalarValue]) -> Result<LogicalPlan, QueryError> {
    if values.is_empty() {
        return Ok(plan);
    }
    let values = values.to_vec();
    Ok(plan.replace_params_with_values(&ParamValues::from(values))?)
}

fn types(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>, QueryError> {
    let mut types = Vec::new();
    let casts = casts(plan)?;
    for (name, data_type) in plan.get_parameter_types()? {
        let data_type = data_type.or_else(|| casts.get(&name).cloned());
        let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let Some(place) = number.filter(|number| (1..=MAX_PARAMETERS).contains(number)).map(|number| number - 1) else {
            let message = format!("{name} is no parameter: they are numbered from $1 to ${MAX_PARAMETERS}");
            return Err(QueryError::new(QueryErrorKind::Syntax, message));
        };
        if types.len() <= place {
            types.resize(place + 1, None);
        }
        types[place] = data_type;
    }
    Ok(types)
}

/// What parameters are cast to: `$1::date` is a date, which the planner itself does not say of it.
fn casts(plan: &LogicalPlan) -> Result<HashMap<String, DataType>, QueryError> {
    let mut casts = HashMap::new();
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) = expr
                    && let Expr::Placeholder(parameter) = expr.as_ref()
                {
                    casts.insert(parameter.id.clone(), field.data_type().clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(casts)
}

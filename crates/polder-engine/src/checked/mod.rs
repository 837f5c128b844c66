//! Arithmetic that fails instead of wrapping around: an answer that is silently wrong is worse than none.
//!
//! DataFusion wraps integers in `+`, `-`, `*` and `sum`, as does constant folding, and sets no bound to `||`. Operators become
//! functions of [`arithmetic`] right after types are settled, so before anything is folded; `sum` is replaced by that of [`sum`].

mod arithmetic;
mod sum;

use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::SessionState;

use crate::error::{QueryError, QueryErrorKind};

pub(crate) use arithmetic::{CheckedArithmetic, checked};

/// Puts the sum that cannot wrap around in place of DataFusion's.
pub(crate) fn register_sum(state: &mut SessionState) -> Result<()> {
    state.register_udaf(Arc::new(sum::checked_sum())).map(drop)
}

/// The error of a result that its type cannot hold. It quotes no value.
pub(crate) fn overflow(what: &str) -> QueryError {
    QueryError::new(QueryErrorKind::Execution, format!("the result of {what} is out of range"))
        .with_hint("cast to a wider type first, such as decimal(38,0)")
}

/// Clears an error of a checked operation of the values it quotes.
fn told(what: &str, error: &DataFusionError) -> DataFusionError {
    match error.find_root() {
        DataFusionError::ArrowError(inner, _) if matches!(**inner, ArrowError::ArithmeticOverflow(_)) => {
            DataFusionError::External(Box::new(overflow(what)))
        }
        other => DataFusionError::Execution(format!("cannot compute {what}: {}", other.message())),
    }
}

//! Room for deep statements: planning follows the nesting of an expression with calls within calls, and not all of
//! DataFusion makes room for itself on the way.

use std::future::poll_fn;
use std::pin::pin;

/// Enough for the deepest statement that is parsed (see `sql::chains`), several times over. It is claimed, not filled.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// With so much left there is no need for more.
const ENOUGH_BYTES: usize = 16 * 1024 * 1024;

/// Does a piece of work with room for its calls.
pub(crate) fn deep<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(ENOUGH_BYTES, STACK_BYTES, work)
}

/// Polls a piece of work with room for its calls.
pub(crate) async fn deeply<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| deep(|| work.as_mut().poll(context))).await
}

//! Room for deep policies: Cedar follows their nesting with calls within calls.

/// Enough for the deepest policy that is read (see `guardrail::size`), twice over in a debug build. It is claimed, not filled.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// With so much left there is no need for more.
const ENOUGH_BYTES: usize = 24 * 1024 * 1024;

/// Does a piece of work with room for its calls.
pub(crate) fn deep<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(ENOUGH_BYTES, STACK_BYTES, work)
}

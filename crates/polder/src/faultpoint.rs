//! Kill points, for tests only: `POLDER_FAULT_POINT=name` ends the process as `kill -9` does when it reaches the point of that
//! name, `name#3` when it reaches it for the third time. Never set it outside tests; without it nothing is installed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable that tests set.
const VARIABLE: &str = "POLDER_FAULT_POINT";

/// The point to die at, and at the how manieth time.
static WANTED: OnceLock<(String, u32)> = OnceLock::new();
static REACHED: AtomicU32 = AtomicU32::new(0);

/// Installs the hook when the variable asks for it.
pub(crate) fn arm() {
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    if WANTED.set(parse(&wanted)).is_ok() {
        polder_model::fault::set_hook(pass);
    }
}

fn parse(wanted: &str) -> (String, u32) {
    match wanted.rsplit_once('#') {
        Some((name, nth)) => (name.to_owned(), nth.parse().unwrap_or(1)),
        None => (wanted.to_owned(), 1),
    }
}

fn pass(point: &'static str) {
    let Some((name, nth)) = WANTED.get() else { return };
    if point == name && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
        // No destructor, flush or exit handler runs.
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_point_is_a_name_and_perhaps_how_often() {
        assert_eq!(parse("apply.step"), ("apply.step".to_owned(), 1));
        assert_eq!(parse("apply.step#4"), ("apply.step".to_owned(), 4));
    }
}

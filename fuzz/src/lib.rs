//! What is tried of what strangers send, target by target: `cargo xtask fuzz` builds and runs the targets, and keeps what they find.
//!
//! A module's `run` takes what libFuzzer makes up to the code that takes it from the network, and panics when that does what it should
//! not. A program in `fuzz_targets` is nothing but libFuzzer around it. What was found once is in `corpus`, and a test here tries all of
//! that with every build.

use std::alloc::System;

use cap::Cap;

pub mod postgres_copy;
pub mod postgres_sql;
pub mod postgres_values;
pub mod postgres_wire;
mod sessions;
pub mod sharing;
pub mod sql_command;

/// Counts what is held, and gives no more than a target may hold.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Runs something that may hold so many bytes at once beyond those that are held already. Asking for more ends the process.
fn within<T>(bytes: usize, run: impl FnOnce() -> T) -> T {
    ALLOCATOR.set_limit(ALLOCATOR.allocated().saturating_add(bytes)).expect("a limit above what is held");
    let done = run();
    ALLOCATOR.set_limit(usize::MAX).expect("no limit");
    done
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::panic::catch_unwind;
    use std::path::Path;

    /// A target: its name, what it needs once, and what it does with one input.
    type Target = (&'static str, fn(), fn(&[u8]));

    /// One test, as the targets share a limit of memory.
    #[test]
    fn what_was_kept_is_treated_as_it_should_be() {
        let targets: [Target; 6] = [
            ("postgres_copy", super::postgres_copy::prepare, super::postgres_copy::run),
            ("postgres_wire", super::postgres_wire::prepare, super::postgres_wire::run),
            ("postgres_sql", super::postgres_sql::prepare, super::postgres_sql::run),
            ("postgres_values", super::postgres_values::prepare, super::postgres_values::run),
            ("sharing", super::sharing::prepare, super::sharing::run),
            ("sql_command", super::sql_command::prepare, super::sql_command::run),
        ];
        for (target, prepare, run) in targets {
            prepare();
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
            let mut tried = 0;
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let sent = fs::read(&path).unwrap();
                assert!(catch_unwind(|| run(&sent)).is_ok(), "{} is not", path.display());
                tried += 1;
            }
            assert!(tried > 0, "{target} has no corpus");
        }
    }
}

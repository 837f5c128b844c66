//! Fault points: named places where a test may stop the process, to show that nothing is lost or doubled.
//!
//! A crate with effects calls [`point`] at each step and lists its points in a constant. Nothing happens unless the program
//! set a hook, which only tests do. Holds one function pointer; never reads the environment.

use std::sync::OnceLock;

static HOOK: OnceLock<fn(&'static str)> = OnceLock::new();

/// Sets what happens at every fault point of this process. The first hook stays; returns whether this was it.
pub fn set_hook(hook: fn(&'static str)) -> bool {
    HOOK.set(hook).is_ok()
}

/// Passes a fault point.
pub fn point(name: &'static str) {
    if let Some(hook) = HOOK.get() {
        hook(name);
    }
}

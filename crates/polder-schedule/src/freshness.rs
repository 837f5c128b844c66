//! Whether a job would make anything new: its inputs, its definition and its output against its last successful run.

use serde::{Deserialize, Serialize};

/// What a job's last successful run used and made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Each input with the version it was read at.
    pub inputs: Vec<(String, u64)>,
    /// The fingerprint of the job's definition.
    pub fingerprint: String,
    /// The version of the sink that it left; `None` when it writes to no sink.
    pub output_version: Option<u64>,
}

/// Whether a job has to run. The reason is for people; nothing branches on it.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// A run would make what is already there.
    Unchanged {
        /// Why.
        reason: String,
    },
    /// It has to run.
    Changed {
        /// Why.
        reason: String,
    },
}

/// Decides whether a job has to run: only when nothing that its last run used or made is different now.
pub fn unchanged(
    inputs_now: &[(String, u64)],
    fingerprint: &str,
    last: Option<&LastRun>,
    output_version_now: Option<u64>,
) -> Freshness {
    let changed = |reason: String| Freshness::Changed { reason };
    let Some(last) = last else {
        return changed("it never ran".to_owned());
    };
    if last.fingerprint != fingerprint {
        return changed("its definition changed".to_owned());
    }
    if let Some(reason) = moved(inputs_now, &last.inputs) {
        return changed(reason);
    }
    match (last.output_version, output_version_now) {
        (then, now) if then == now => {}
        (Some(then), Some(now)) => {
            return changed(format!("its output was changed by another: version {then} after its last run, {now} now"));
        }
        (Some(_), None) => return changed("its output is gone".to_owned()),
        (None, _) => return changed("its last run left no output".to_owned()),
    }
    let inputs: Vec<String> = inputs_now.iter().map(|(name, version)| format!("{name} at version {version}")).collect();
    let inputs =
        if inputs.is_empty() { "it has no inputs".to_owned() } else { format!("inputs unchanged: {}", inputs.join(", ")) };
    Freshness::Unchanged { reason: inputs }
}

/// Which inputs are at another version than then, in words.
fn moved(now: &[(String, u64)], then: &[(String, u64)]) -> Option<String> {
    let version = |inputs: &[(String, u64)], wanted: &str| inputs.iter().find(|(name, _)| name == wanted).map(|(_, v)| *v);
    let changed = now.iter().filter_map(|(name, version_now)| match version(then, name) {
        Some(version_then) if version_then == *version_now => None,
        Some(version_then) => Some(format!("{name} went from version {version_then} to {version_now}")),
        None => Some(format!("{name} is a new input")),
    });
    let gone =
        then.iter().filter(|(name, _)| version(now, name).is_none()).map(|(name, _)| format!("{name} is no input any more"));
    let moved: Vec<String> = changed.chain(gone).collect();
    (!moved.is_empty()).then(|| moved.join(", "))
}

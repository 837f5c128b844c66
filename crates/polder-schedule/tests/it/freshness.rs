//! What makes a job run again.

use polder_schedule::{Freshness, LastRun, unchanged};

/// Inputs written `a@1 b@2`.
fn inputs(text: &str) -> Vec<(String, u64)> {
    text.split_whitespace().map(|input| input.split_once('@').unwrap()).map(|(n, v)| (n.to_owned(), v.parse().unwrap())).collect()
}

#[test]
fn a_job_runs_again_when_anything_it_used_or_made_is_different() {
    let last = LastRun { inputs: inputs("a@1 b@2"), fingerprint: "f".to_owned(), output_version: Some(7) };
    for (now, fingerprint, output, expected) in [
        ("a@1 b@2", "f", Some(7), "skip: inputs unchanged: a at version 1, b at version 2"),
        ("b@2 a@1", "f", Some(7), "skip: inputs unchanged: b at version 2, a at version 1"),
        ("a@1 b@3", "f", Some(7), "run: b went from version 2 to 3"),
        ("a@0 b@2", "f", Some(7), "run: a went from version 1 to 0"),
        ("a@1 b@2 c@1", "f", Some(7), "run: c is a new input"),
        ("a@1", "f", Some(7), "run: b is no input any more"),
        ("a@1 b@2", "g", Some(7), "run: its definition changed"),
        ("a@1 b@2", "f", Some(8), "run: its output was changed by another: version 7 after its last run, 8 now"),
        ("a@1 b@2", "f", None, "run: its output is gone"),
    ] {
        assert_eq!(told(&unchanged(&inputs(now), fingerprint, Some(&last), output)), expected, "{now} {fingerprint} {output:?}");
    }
}

#[test]
fn a_job_that_never_ran_or_left_nothing_runs() {
    assert_eq!(told(&unchanged(&[], "f", None, None)), "run: it never ran");
    let last = LastRun { inputs: Vec::new(), fingerprint: "f".to_owned(), output_version: None };
    assert_eq!(told(&unchanged(&[], "f", Some(&last), Some(0))), "run: its last run left no output");
    assert_eq!(told(&unchanged(&[], "f", Some(&last), None)), "skip: it has no inputs");
}

fn told(freshness: &Freshness) -> String {
    match freshness {
        Freshness::Unchanged { reason } => format!("skip: {reason}"),
        Freshness::Changed { reason } => format!("run: {reason}"),
    }
}

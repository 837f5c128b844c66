//! Runs, stepped one outcome at a time.

use super::{graph, id, names};
use polder_schedule::{Outcome, Schedule};

const DIAMOND: &str = "
    a_load: > raw
    b_left: raw > left
    c_right: raw > right
    d_join: left right > joined
    e_apart: > other
";

/// Plays a script of lines `start NAMES` (what `ready` hands out), `NAME succeeded|skipped|failed`, and at the end compares the picture.
#[track_caller]
fn play(selected: &str, max_parallel: usize, script: &str, picture: &str) {
    let graph = graph(DIAMOND).unwrap();
    let mut schedule = Schedule::new(&graph, selected.split_whitespace().map(id), max_parallel);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "start" {
            let mut started = schedule.ready();
            started.sort();
            assert_eq!(names(&started), rest, "at {line:?} of {script}\n{}", schedule.states());
            continue;
        }
        let outcome = match rest {
            "succeeded" => Outcome::Succeeded,
            "skipped" => Outcome::Skipped,
            "failed" => Outcome::Failed,
            other => panic!("no such outcome: {other}"),
        };
        schedule.finished(&id(word), outcome);
    }
    let tidy = |text: &str| {
        let mut lines: Vec<String> =
            text.lines().map(|line| line.trim().replace("d/", "")).filter(|line| !line.is_empty()).collect();
        lines.sort();
        lines
    };
    assert_eq!(tidy(&schedule.states()), tidy(picture));
    let open = ["waits for", "may start", "running"];
    assert_eq!(schedule.is_done(), !open.iter().any(|word| picture.contains(word)));
}

const ALL: &str = "a_load b_left c_right d_join e_apart";

#[test]
fn independent_jobs_start_together_and_the_rest_when_fed() {
    play(
        ALL,
        8,
        "start a_load e_apart\nstart",
        "
        a_load: running
        b_left: waits for a_load
        c_right: waits for a_load
        d_join: waits for b_left, c_right
        e_apart: running",
    );
    play(
        ALL,
        8,
        "start a_load e_apart\na_load succeeded\nstart b_left c_right\nb_left succeeded\nstart\nc_right skipped\nstart d_join",
        "
        a_load: succeeded
        b_left: succeeded
        c_right: skipped
        d_join: running
        e_apart: running",
    );
}

#[test]
fn no_more_run_at_once_than_allowed() {
    play(
        "b_left c_right e_apart",
        2,
        "start b_left c_right\nstart\nb_left succeeded\nstart e_apart\nstart",
        "
        b_left: succeeded
        c_right: running
        e_apart: running",
    );
    play("b_left", 0, "start b_left\nb_left succeeded", "b_left: succeeded");
}

#[test]
fn what_a_failed_job_feeds_is_blocked_and_the_rest_goes_on() {
    play(
        ALL,
        8,
        "start a_load e_apart\na_load failed\nstart\ne_apart succeeded\nstart",
        "
        a_load: failed
        b_left: blocked by a_load
        c_right: blocked by a_load
        d_join: blocked by a_load
        e_apart: succeeded",
    );
    play(
        ALL,
        8,
        "start a_load e_apart\na_load succeeded\nstart b_left c_right\nc_right failed\nb_left failed\ne_apart succeeded",
        "
        a_load: succeeded
        b_left: failed
        c_right: failed
        d_join: blocked by c_right
        e_apart: succeeded",
    );
}

#[test]
fn only_what_is_selected_runs_and_is_waited_for() {
    play("d_join b_left", 8, "start b_left\nb_left succeeded\nstart d_join", "b_left: succeeded\nd_join: running");
    play("nobody", 8, "start", "");
}

#[test]
fn an_outcome_of_a_job_that_is_not_running_changes_nothing() {
    play(
        "a_load b_left",
        8,
        "b_left failed\nunknown failed\nstart a_load\na_load succeeded\na_load failed\nstart b_left",
        "
        a_load: succeeded
        b_left: running",
    );
}

#[test]
fn blocked_jobs_are_listed_with_whom_to_blame() {
    let graph = graph(DIAMOND).unwrap();
    let mut schedule = Schedule::new(&graph, [id("a_load"), id("b_left"), id("d_join")], 1);
    schedule.ready();
    schedule.finished(&id("a_load"), Outcome::Failed);
    assert_eq!(schedule.blocked(), [(id("b_left"), id("a_load")), (id("d_join"), id("a_load"))]);
}

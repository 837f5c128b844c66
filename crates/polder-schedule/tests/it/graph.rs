//! Order, upstream, downstream and circles.

use super::{graph, id, jobs, names};
use polder_schedule::JobGraph;

const DIAMOND: &str = "
    join: left right > joined
    to_left: raw > left
    to_right: raw > right
    load: > raw
    apart: > other
";

#[test]
fn a_job_comes_after_all_that_write_what_it_reads() {
    for (text, expected) in [
        ("", ""),
        ("a: > x", "a"),
        ("a: y > x\nb: > y", "b a"),
        ("c: x > z\na: > x\nb: > x", "a b c"),
        ("a: x > x\nb: x > y", "a b"),
        ("a: outside > x", "a"),
        ("a: >\nb: x >", "a b"),
    ] {
        assert_eq!(names(graph(text).unwrap().order()), expected, "{text:?}");
    }
}

#[test]
fn the_order_does_not_hang_on_how_the_jobs_come() {
    let mut all = jobs(DIAMOND);
    let expected = JobGraph::new(&all).unwrap().order().to_vec();
    for _ in 0..all.len() {
        all.rotate_left(1);
        assert_eq!(JobGraph::new(&all).unwrap().order(), expected);
    }
}

#[test]
fn upstream_and_downstream_reach_all_the_way() {
    let graph = graph(DIAMOND).unwrap();
    let sorted = |mut ids: Vec<_>| {
        ids.sort();
        names(&ids)
    };
    for (job, upstream, downstream) in [
        ("join", "load to_left to_right", ""),
        ("to_left", "load", "join"),
        ("load", "", "join to_left to_right"),
        ("apart", "", ""),
        ("unknown", "", ""),
    ] {
        assert_eq!(sorted(graph.upstream(&id(job))), upstream, "{job}");
        assert_eq!(sorted(graph.downstream(&id(job))), downstream, "{job}");
    }
    assert_eq!(graph.upstream(&id("join"))[0], id("load"));
}

#[test]
fn a_circle_is_told_with_its_path() {
    for (text, expected) in [
        ("a: y > x\nb: x > y", "a b"),
        ("a: z > x\nb: x > y\nc: y > z\nd: z > w", "a b c"),
        ("start: > s\nb: s c > b\nc: b > c", "b c"),
        // Of two circles, the shortest one through the first job.
        ("a: b c > a\nb: a > b\nc: b > c", "a b"),
    ] {
        let cycle = graph(text).unwrap_err();
        assert_eq!(names(&cycle.path), expected, "{text}");
    }
    let told = graph("a: y > x\nb: x > y").unwrap_err().to_string();
    assert_eq!(told, "jobs wait for each other: d/a -> d/b -> d/a; break the circle by reading another dataset in one of them");
}

//! Measures decisions over 100,000 grants: prints one line of JSON with nanoseconds per decision.
//!
//! 5,000 users in groups three deep, 5,000 tables in 100 schemas of 20 catalogs, and three ways to keep the grants: 20 on each
//! table, all of them on one catalog, or all of them to one group far up. Half of the questions come from one user.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use polder_access::{Action, Authorizer, Caller, Decision};
use polder_model::{Principal, PrincipalKind, Resource, Securable};
use serde_json::json;

/// The allocator of the polder binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GRANTS: usize = 100_000;
const USERS: usize = 5_000;
const TEAMS: usize = 500;
const UNITS: usize = 50;
const TABLES: usize = 5_000;
const ROUNDS: usize = 200_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let per_table = measure("grants_per_table", |n| (table(n / (GRANTS / TABLES)), format!("team{}", (n * 7) % TEAMS)))?;
    let one_catalog = measure("grants_on_one_catalog", |n| ("catalog:c0".to_owned(), format!("u{}", n % USERS)))?;
    let one_group = measure("grants_to_one_group", |n| (table(n % TABLES), "unit0".to_owned()))?;
    println!("{}", json!({ "grants": GRANTS, "decisions": ROUNDS, "cases": [per_table, one_catalog, one_group] }));
    Ok(())
}

fn table(n: usize) -> String {
    let n = n % TABLES;
    format!("table:c{}.s{}.t{n}_v1", n % 20, n % 100)
}

/// Times decisions, one by one, over a mesh whose n-th grant is on and to what `grant` says.
fn measure(case: &str, grant: impl Fn(usize) -> (String, String)) -> Outcome<serde_json::Value> {
    let started = Instant::now();
    let resources = mesh(grant)?;
    let environment = serde_json::from_value(json!({ "name": "dev", "tenant": "main", "production": false }))?;
    let made = Instant::now();
    let authorizer = Authorizer::new(&environment, &resources)?;
    let build = made.elapsed();

    let mut questions = Vec::with_capacity(TABLES);
    for n in 0..TABLES {
        let user = if n % 2 == 0 { 0 } else { (n * 31) % USERS };
        let principal = Principal { kind: PrincipalKind::User, name: format!("u{user}").parse()? };
        let name = table(n * 13).trim_start_matches("table:").parse()?;
        questions.push((Caller::new(principal), Securable::Table(name)));
    }
    let (mut times, mut allowed) = (Vec::with_capacity(ROUNDS), 0_usize);
    for (caller, securable) in questions.iter().cycle().take(ROUNDS) {
        let begin = Instant::now();
        let decision = black_box(authorizer.authorize(black_box(caller), Action::Read, black_box(securable)));
        times.push(begin.elapsed().as_nanos());
        allowed += usize::from(matches!(decision, Decision::Allowed(_)));
    }
    times.sort_unstable();
    Ok(json!({
        "case": case,
        "median_ns": times[ROUNDS / 2],
        "p99_ns": times[ROUNDS * 99 / 100],
        "allowed_share": (allowed * 100 / ROUNDS) as f64 / 100.0,
        "build_ms": build.as_millis(),
        "mesh_ms": (started.elapsed() - build).as_millis(),
    }))
}

fn mesh(grant: impl Fn(usize) -> (String, String)) -> Outcome<Vec<Resource>> {
    let mut all = Vec::new();
    let mut add = |resource: serde_json::Value| -> Outcome<()> {
        all.push(serde_json::from_value(resource)?);
        Ok(())
    };
    let every = |of: usize, by: usize, rest: usize, name: &str| -> Vec<String> {
        (0..of).filter(|n| n % by == rest).map(|n| format!("{name}{n}")).collect()
    };
    for n in 0..USERS {
        add(json!({ "kind": "user", "name": format!("u{n}") }))?;
    }
    for n in 0..TEAMS {
        // Each user is in three teams.
        let mut members = every(USERS, TEAMS, n, "u");
        members.extend(every(USERS, TEAMS, (n + 1) % TEAMS, "u"));
        members.extend(every(USERS, TEAMS, (n + 2) % TEAMS, "u"));
        add(json!({ "kind": "group", "name": format!("team{n}"), "members": members }))?;
    }
    for n in 0..UNITS {
        add(json!({ "kind": "group", "name": format!("unit{n}"), "members": every(TEAMS, UNITS, n, "team") }))?;
    }
    for n in 0..20 {
        add(json!({ "kind": "catalog", "name": format!("c{n}"), "owner": "admins" }))?;
        let on = json!({ "catalog": format!("c{n}") });
        add(json!({ "kind": "grant", "securable": on, "principal": "everyone", "privileges": ["USE CATALOG", "USE SCHEMA"] }))?;
    }
    for n in 0..100 {
        add(json!({ "kind": "schema", "catalog": format!("c{}", n % 20), "name": format!("s{n}"), "owner": "admins" }))?;
    }
    for n in 0..TABLES {
        let columns = json!([{ "name": "a", "type": "string" }, { "name": "b", "type": "string", "tags": ["pii"] }]);
        add(json!({
            "kind": "table", "name": table(n).trim_start_matches("table:"), "owner": "admins", "format": "delta", "columns": columns,
            "dataset": { "domain": "c0", "name": "t", "version": "v1" },
            "location": { "provider": "aws", "bucket": "dev-b", "prefix": "p" },
        }))?;
    }
    for n in 0..GRANTS {
        let (on, to) = grant(n);
        let (kind, name) = on.split_once(':').ok_or("a securable is written kind:name")?;
        add(json!({ "kind": "grant", "securable": { kind: name }, "principal": to, "privileges": ["SELECT"] }))?;
    }
    Ok(all)
}

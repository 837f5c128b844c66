//! What becomes of personal copies: one decision for each that is wanted or there.

use std::collections::BTreeSet;

use polder_model::job::{BadRows, Job, Work, WriteMode};
use polder_model::{Address, Kind, Resource};
use polder_plan::personal::{Cause, Change, Decision, Kept, decide};

use crate::mesh::{table, view};

const ORDERS: &str = "ana__sales.bronze.orders_v1";
const TOTALS: &str = "ana__sales.gold.totals_v1";

fn job(query: &str) -> Resource {
    Resource::Job(Box::new(Job {
        id: "ana__sales/daily".parse().unwrap(),
        description: String::new(),
        run_as: None,
        sources: Vec::new(),
        sink: None,
        work: Work::Sql { file: "daily.sql".to_owned(), text: query.to_owned() },
        write: WriteMode::Overwrite,
        bad_rows: BadRows::Fail,
        declassify: Default::default(),
        schedule: None,
    }))
}

fn wanted(resources: &[Resource]) -> Vec<(Resource, Cause)> {
    resources.iter().map(|resource| (resource.clone(), Cause::Changed)).collect()
}

/// What is kept once copies are as wanted.
fn made(resources: &[Resource]) -> Kept {
    let decisions = decide(wanted(resources), &Kept::default(), &|_| false);
    let mut kept = Kept::default().amid(&decisions);
    decisions.iter().filter_map(Decision::makes).for_each(|copy| kept.made(copy));
    kept
}

/// What becomes of copies that are kept, where those of `there` are in the metastore. What is told is what is carried out.
fn check(before: &Kept, there: &[&str], after: &[Resource], expect: &[&str]) {
    let there: BTreeSet<Address> = there.iter().map(|address| address.parse().unwrap()).collect();
    let decisions = decide(wanted(after), before, &|address| there.contains(address));
    let told: Vec<String> =
        decisions.iter().map(|one| format!("{:?} {} {}", one.change, one.address, one.why).trim_end().to_owned()).collect();
    assert_eq!(told, expect);

    let mut now = there.clone();
    let mut kept = before.amid(&decisions);
    for decision in &decisions {
        if decision.removes() {
            assert!(now.remove(&decision.address), "{} goes and is not there", decision.address);
        }
        if let Some(copy) = decision.makes() {
            assert!(now.insert(copy.address()), "{} is made over another", decision.address);
            kept.made(copy);
        }
    }
    kept.objects.retain(|_, digest| digest.is_some());
    let objects = after.iter().map(Resource::address).filter(|address| address.kind() != Kind::Job);
    assert_eq!(now, objects.collect());
    assert_eq!(kept.objects, made(after).objects);
    assert_eq!(kept.jobs, made(after).jobs);
    let again = decide(wanted(after), &kept, &|address| now.contains(address));
    assert!(again.iter().all(|decision| decision.change == Change::Keep), "{again:?}");
}

#[test]
fn a_copy_is_made_kept_made_anew_or_removed() {
    let (orders, totals) = (table(ORDERS, &["id bigint"]), view(TOTALS, "select 1"));
    let (wider, other) = (table(ORDERS, &["id bigint", "name string"]), view(TOTALS, "select 2"));
    let all = [orders.clone(), totals.clone(), job("select 1")];
    let there = [&*format!("table:{ORDERS}"), &*format!("view:{TOTALS}")];
    let [orders_at, totals_at, job_at] = [there[0], there[1], "job:ana__sales/daily"];
    let line = |change: &str, address: &str| format!("{change} {address} changed");
    check(&Kept::default(), &[], &all, &[&line("Make", orders_at), &line("Make", totals_at), &line("Make", job_at)]);
    check(&made(&all), &there, &all, &[&line("Keep", orders_at), &line("Keep", totals_at), &line("Keep", job_at)]);
    let after = [wider, other, job("select 2")];
    check(&made(&all), &there, &after, &[&line("Remake", orders_at), &line("Remake", totals_at), &line("Remake", job_at)]);
    check(
        &made(&all),
        &there,
        &[],
        &[&format!("Remove {orders_at}"), &format!("Remove {totals_at}"), &format!("Remove {job_at}")],
    );
    // One that was dropped by hand is made, and one that is not wanted any more is not removed again.
    check(
        &made(&all),
        &there[1..],
        &all[..1],
        &[&line("Make", orders_at), &format!("Remove {totals_at}"), &format!("Remove {job_at}")],
    );
}

#[test]
fn what_was_cut_short_begins_anew_and_what_was_made_by_hand_goes_for_it() {
    let orders = [table(ORDERS, &["id bigint"])];
    let at = format!("table:{ORDERS}");
    let begun = Kept::default().amid(&decide(wanted(&orders), &Kept::default(), &|_| false));
    assert_eq!(begun.catalogs, ["ana__sales".parse().unwrap()].into());
    check(&begun, &[&at], &orders, &[&format!("Remake {at} changed")]);
    check(&begun, &[], &orders, &[&format!("Make {at} changed")]);
    check(&begun, &[&at], &[], &[&format!("Remove {at}")]);
    check(&Kept::default(), &[&at], &orders, &[&format!("TakeOver {at} changed; what was made there by hand goes")]);
}

//! A small mesh to vary: each test replaces or adds the files it is about.

use polder_descriptor::{Fault, File, Mesh, parse};
use polder_model::{Declared, Desired, Resource};

pub(crate) const POLDER: &str = "\
organization: Contoso
tenants: [nonprod, production]
environments:
  - {name: dev, tenant: nonprod}
  - {name: prod, tenant: production, production: true}
departments: [retail]
providers: {aws: {region: eu-west-1}, azure: {region: westeurope}}
users: [ana@contoso.com]
groups: [{name: owners, members: [ana@contoso.com]}, {name: analysts}]
servicePrincipals: [deployer]
";
pub(crate) const DOMAIN: &str = "department: retail\nowner: owners\nservicePrincipals: [finance_jobs]\n";
pub(crate) const CUSTOMER: &str = "\
type: parallelread
entityName: customer
entityVersion: v1
coldStorage: {location: {prefix: bronze, provider: aws}}
columns:
  - {name: id, type: bigint}
  - {name: fullName, type: string, tags: [pii]}
";
pub(crate) const DATASET_FILE: &str = "domains/finance/datasets/customer.yaml";
pub(crate) const JOB_FILE: &str = "domains/finance/jobs/load.yaml";
pub(crate) const ACCESS_FILE: &str = "access/all.yaml";

/// The small mesh with some of its files replaced, and others added.
pub(crate) fn files(changes: &[(&str, &str)]) -> Vec<File> {
    let base = [("polder.yaml", POLDER), ("domains/finance/domain.yaml", DOMAIN), (DATASET_FILE, CUSTOMER)];
    let kept = base.iter().filter(|(path, _)| changes.iter().all(|(changed, _)| changed != path));
    kept.chain(changes).map(|(path, text)| File { path: (*path).into(), bytes: text.as_bytes().to_vec() }).collect()
}

pub(crate) fn read(changes: &[(&str, &str)]) -> (Mesh, Vec<Fault>) {
    parse(files(changes))
}

/// A fault on one line: place, code, offending text, message, help.
pub(crate) fn line(fault: &Fault) -> String {
    let Fault { line, column, length, code, offending, message, severity, help, file } = fault;
    let help = help.as_deref().unwrap_or("-");
    let mark = if fault.is_error() { String::new() } else { format!("{severity} ") };
    format!("{file}:{line}:{column}+{length} {mark}{code} `{offending}` {message} | {help}")
}

pub(crate) fn lines(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(line).collect()
}

pub(crate) fn lower(changes: &[(&str, &str)], environment: &str) -> Desired {
    let (mesh, faults) = read(changes);
    assert_eq!(lines(&faults), Vec::<String>::new());
    let (desired, faults) = mesh.lower(&environment.parse().unwrap(), &|_| None);
    assert_eq!(lines(&faults), Vec::<String>::new());
    desired
}

pub(crate) fn declared<'d>(desired: &'d Desired, address: &str) -> &'d Declared {
    let known = || desired.resources.keys().map(ToString::to_string).collect::<Vec<_>>();
    desired.resources.get(&address.parse().unwrap()).unwrap_or_else(|| panic!("no {address} in {:#?}", known()))
}

pub(crate) fn table<'d>(desired: &'d Desired, name: &str) -> &'d polder_model::resource::Table {
    match &*declared(desired, &format!("table:{name}")).resource {
        Resource::Table(table) => table,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn job<'d>(desired: &'d Desired, name: &str) -> &'d polder_model::job::Job {
    match &*declared(desired, &format!("job:{name}")).resource {
        Resource::Job(job) => job,
        other => panic!("{other:?}"),
    }
}

/// The faults of the small mesh with one file replaced, without the file's name.
pub(crate) fn check(file: &str, text: &str, expect: &[&str]) {
    let (_, faults) = read(&[(file, text)]);
    let found: Vec<String> =
        lines(&faults).iter().map(|line| line.strip_prefix(&format!("{file}:")).unwrap_or(line).to_owned()).collect();
    assert_eq!(found, expect, "\n{text}");
}

/// The same with a part of the dataset replaced.
pub(crate) fn dataset(change: (&str, &str), expect: &[&str]) {
    assert!(CUSTOMER.contains(change.0), "{}", change.0);
    check(DATASET_FILE, &CUSTOMER.replace(change.0, change.1), expect);
}

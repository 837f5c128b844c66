//! Comparing two states of one resource: whether they are the same, and how they differ.
//!
//! Every comparison takes its structs apart field by field, so that a new field does not compile until it is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use polder_model::connection::{Connection, ForeignTable};
use polder_model::job::Job;
use polder_model::resource::{
    Bucket, Catalog, Department, Domain, Environment, Grant, Group, Measure, Policy, Schema, View, Volume,
};
use polder_model::share::{Recipient, Share};
use polder_model::{Resource, TableName};

use crate::difference::Difference;
use crate::step::Alteration;
use crate::table;

/// How two states of one resource differ.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Every difference, in the order in which people read them.
    pub(crate) differences: Vec<Difference>,
    /// Those of them that what is there cannot be changed into.
    pub(crate) breaking: Vec<Difference>,
    /// What changes in the Delta table's own metadata.
    pub(crate) alteration: Alteration,
}

/// Whether two states are the same. Cheap: this is what a plan without changes spends its time on.
pub(crate) fn same(before: &Resource, after: &Resource) -> bool {
    match (before, after) {
        (Resource::Table(before), Resource::Table(after)) => table::same(before, after),
        (before, after) => before == after,
    }
}

/// Lists how two states differ. At least one difference is named unless they are the [`same`].
pub(crate) fn compare(before: &Resource, after: &Resource) -> Comparison {
    let mut found = Comparison::default();
    match (before, after) {
        (Resource::Environment(a), Resource::Environment(b)) => environment(&mut found, a, b),
        (Resource::Department(a), Resource::Department(b)) => department(&mut found, a, b),
        (Resource::ServicePrincipal(a), Resource::ServicePrincipal(b)) => {
            found.option("domain", a.domain.as_ref(), b.domain.as_ref())
        }
        (Resource::Group(a), Resource::Group(b)) => group(&mut found, a, b),
        (Resource::Policy(a), Resource::Policy(b)) => policy(&mut found, a, b),
        (Resource::Domain(a), Resource::Domain(b)) => domain(&mut found, a, b),
        (Resource::Bucket(a), Resource::Bucket(b)) => bucket(&mut found, a, b),
        (Resource::Catalog(a), Resource::Catalog(b)) => catalog(&mut found, a, b),
        (Resource::Schema(a), Resource::Schema(b)) => schema(&mut found, a, b),
        (Resource::Table(a), Resource::Table(b)) => table::compare(&mut found, a, b),
        (Resource::Connection(a), Resource::Connection(b)) => connection(&mut found, a, b),
        (Resource::ForeignTable(a), Resource::ForeignTable(b)) => foreign_table(&mut found, a, b),
        (Resource::View(a), Resource::View(b)) => view(&mut found, a, b),
        (Resource::Volume(a), Resource::Volume(b)) => volume(&mut found, a, b),
        (Resource::Grant(a), Resource::Grant(b)) => grant(&mut found, a, b),
        (Resource::Job(a), Resource::Job(b)) => job(&mut found, a, b),
        (Resource::Share(a), Resource::Share(b)) => share(&mut found, a, b),
        _ => {}
    }
    if found.differences.is_empty() && !same(before, after) {
        found.differences.push(Difference::Rewritten { what: "definition".to_owned() });
    }
    found
}

impl Comparison {
    pub(crate) fn push(&mut self, difference: Difference) {
        self.differences.push(difference);
    }

    /// Notes a difference that what is there cannot be changed into.
    pub(crate) fn push_breaking(&mut self, difference: Difference) {
        self.breaking.push(difference.clone());
        self.differences.push(difference);
    }

    /// Returns the difference between two values, if they differ.
    pub(crate) fn value(what: &str, from: &(impl Display + PartialEq), to: &(impl Display + PartialEq)) -> Option<Difference> {
        let (from, to) = (from.to_string(), to.to_string());
        (from != to).then(|| Difference::Changed { what: what.to_owned(), from, to })
    }

    pub(crate) fn changed<T: Display + PartialEq>(&mut self, what: &str, from: &T, to: &T) {
        self.differences.extend(Self::value(what, from, to));
    }

    pub(crate) fn option<T: Display + PartialEq>(&mut self, what: &str, from: Option<&T>, to: Option<&T>) {
        let text = |value: Option<&T>| value.map(ToString::to_string).unwrap_or_default();
        self.changed(what, &text(from), &text(to));
    }

    pub(crate) fn rewritten(&mut self, what: &str, same: bool) {
        if !same {
            self.push(Difference::Rewritten { what: what.to_owned() });
        }
    }

    pub(crate) fn set<T: Display + Ord>(&mut self, what: &str, from: &BTreeSet<T>, to: &BTreeSet<T>) {
        let what = || what.to_owned();
        self.differences.extend(to.difference(from).map(|name| Difference::Added { what: what(), name: name.to_string() }));
        self.differences.extend(from.difference(to).map(|name| Difference::Removed { what: what(), name: name.to_string() }));
    }

    /// Compares things by name, whose values are too long to show.
    pub(crate) fn named<'a, V: PartialEq>(
        &mut self,
        what: &str,
        from: impl Iterator<Item = (&'a str, V)>,
        to: impl Iterator<Item = (&'a str, V)>,
    ) {
        let (from, to): (BTreeMap<_, _>, BTreeMap<_, _>) = (from.collect(), to.collect());
        let owned = |name: &str| (what.to_owned(), name.to_owned());
        for (name, value) in &to {
            let (what, name_owned) = owned(name);
            match from.get(name) {
                None => self.push(Difference::Added { what, name: name_owned }),
                Some(before) if before != value => self.push(Difference::Rewritten { what: format!("{what} {name}") }),
                Some(_) => {}
            }
        }
        for name in from.keys().filter(|name| !to.contains_key(*name)) {
            let (what, name) = owned(name);
            self.push(Difference::Removed { what, name });
        }
    }
}

fn environment(found: &mut Comparison, a: &Environment, b: &Environment) {
    let Environment { name: _, tenant, production } = a;
    found.changed("tenant", tenant, &b.tenant);
    found.changed("production", production, &b.production);
}

fn department(found: &mut Comparison, a: &Department, b: &Department) {
    let Department { name: _, description } = a;
    found.changed("description", description, &b.description);
}

fn group(found: &mut Comparison, a: &Group, b: &Group) {
    let Group { name: _, members, managed_by_scim } = a;
    found.set("member", members, &b.members);
    found.changed("managed by SCIM", managed_by_scim, &b.managed_by_scim);
}

fn policy(found: &mut Comparison, a: &Policy, b: &Policy) {
    let Policy { name: _, text } = a;
    found.rewritten("policy text", *text == b.text);
}

fn domain(found: &mut Comparison, a: &Domain, b: &Domain) {
    let Domain { name: _, department, owner, description, nodes } = a;
    found.changed("department", department, &b.department);
    found.changed("owner", owner, &b.owner);
    found.changed("description", description, &b.description);
    found.changed("nodes", &nodes.0, &b.nodes.0);
}

fn bucket(found: &mut Comparison, a: &Bucket, b: &Bucket) {
    let Bucket { provider: _, name: _, domain, is_home } = a;
    found.changed("domain", domain, &b.domain);
    found.changed("home", is_home, &b.is_home);
}

fn catalog(found: &mut Comparison, a: &Catalog, b: &Catalog) {
    let Catalog { name: _, owner, comment } = a;
    found.changed("owner", owner, &b.owner);
    found.changed("comment", comment, &b.comment);
}

fn schema(found: &mut Comparison, a: &Schema, b: &Schema) {
    let Schema { catalog: _, name: _, owner } = a;
    found.changed("owner", owner, &b.owner);
}

/// Nothing about a connection is breaking: what it leads to is not ours.
fn connection(found: &mut Comparison, a: &Connection, b: &Connection) {
    let Connection { name: _, domain, owner, comment, database } = a;
    found.changed("domain", domain, &b.domain);
    found.changed("owner", owner, &b.owner);
    found.changed("comment", comment, &b.comment);
    found.changed("database", database, &b.database);
    found.rewritten("access to the database", database == &b.database || database.to_string() != b.database.to_string());
}

fn foreign_table(found: &mut Comparison, a: &ForeignTable, b: &ForeignTable) {
    let ForeignTable { name: _, owner, comment, source_schema, source_table, columns, row_filters } = a;
    found.changed("owner", owner, &b.owner);
    found.changed("comment", comment, &b.comment);
    found.changed("schema in the database", source_schema, &b.source_schema);
    found.changed("table in the database", source_table, &b.source_table);
    found.named("column", columns.iter().map(|c| (c.name.as_str(), c)), b.columns.iter().map(|c| (c.name.as_str(), c)));
    table::row_filters(found, row_filters, &b.row_filters);
}

/// A view holds no data, so nothing about it is breaking.
fn view(found: &mut Comparison, a: &View, b: &View) {
    let View { name: _, dataset, owner, comment, sql, columns, measures, rights } = a;
    found.changed("dataset", dataset, &b.dataset);
    found.changed("owner", owner, &b.owner);
    found.changed("comment", comment, &b.comment);
    found.rewritten("query", *sql == b.sql);
    found.named("column", columns.iter().map(|c| (c.name.as_str(), c)), b.columns.iter().map(|c| (c.name.as_str(), c)));
    let measured = |m: &'_ Measure| (m.name.clone(), m.expression.clone());
    let (from, to): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (measures.iter().map(measured).collect(), b.measures.iter().map(measured).collect());
    found.named("measure", pairs(&from), pairs(&to));
    found.changed("rights", rights, &b.rights);
}

fn volume(found: &mut Comparison, a: &Volume, b: &Volume) {
    let Volume { name: _, dataset, owner, comment, location } = a;
    found.changed("dataset", dataset, &b.dataset);
    found.changed("owner", owner, &b.owner);
    found.changed("comment", comment, &b.comment);
    if let Some(difference) = Comparison::value("location", location, &b.location) {
        found.push_breaking(difference);
    }
}

fn grant(found: &mut Comparison, a: &Grant, b: &Grant) {
    let Grant { securable: _, principal: _, privileges } = a;
    found.differences.extend(b.privileges.difference(privileges).map(|p| Difference::Granted(*p)));
    found.differences.extend(privileges.difference(&b.privileges).map(|p| Difference::Revoked(*p)));
}

fn job(found: &mut Comparison, a: &Job, b: &Job) {
    let Job { id: _, description, run_as, sources, sink, work, write, bad_rows, declassify, schedule } = a;
    found.changed("description", description, &b.description);
    found.option("run as", run_as.as_ref(), b.run_as.as_ref());
    found.named("source", sources.iter().map(|s| (s.alias.as_str(), s)), b.sources.iter().map(|s| (s.alias.as_str(), s)));
    found.option("sink", sink.as_ref().map(|s| &s.table), b.sink.as_ref().map(|s| &s.table));
    found.rewritten("work", *work == b.work);
    found.changed("write mode", &write.as_str(), &b.write.as_str());
    found.rewritten("merge keys", write == &b.write || write.as_str() != b.write.as_str());
    found.rewritten("treatment of bad rows", *bad_rows == b.bad_rows);
    found.named("declassified column", pairs(declassify), pairs(&b.declassify));
    found.option("schedule", schedule.as_ref(), b.schedule.as_ref());
}

fn share(found: &mut Comparison, a: &Share, b: &Share) {
    let Share { name: _, domain, owner, comment, tables, recipients } = a;
    found.changed("domain", domain, &b.domain);
    found.changed("owner", owner, &b.owner);
    found.changed("comment", comment, &b.comment);
    let set = |tables: &[TableName]| tables.iter().cloned().collect::<BTreeSet<_>>();
    found.set("table", &set(tables), &set(&b.tables));
    let named = |recipients: &'_ [Recipient]| recipients.iter().map(|r| (r.name.to_string(), r.clone())).collect::<Vec<_>>();
    let (from, to) = (named(recipients), named(&b.recipients));
    found.named("recipient", from.iter().map(|(name, r)| (name.as_str(), r)), to.iter().map(|(name, r)| (name.as_str(), r)));
}

/// A map's entries, for [`Comparison::named`].
pub(crate) fn pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &String)> {
    map.iter().map(|(key, value)| (key.as_str(), value))
}

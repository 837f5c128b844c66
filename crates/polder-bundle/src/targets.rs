//! Targets: what each environment has, and what all of them have alike, which is written once.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::Desired;
use serde_json::{Map, Value, json};

/// Resources by kind and key.
pub(crate) type Common = BTreeMap<&'static str, BTreeMap<String, Value>>;

/// What one environment has.
pub(crate) struct Target<'a> {
    pub(crate) desired: &'a Desired,
    resources: BTreeMap<(&'static str, String), Resource>,
    /// The service principals that it names.
    pub(crate) programs: BTreeSet<String>,
    held_back: Vec<String>,
}

/// A resource as it is written.
struct Resource {
    base: Value,
    /// What a target says beside what all say.
    over: Map<String, Value>,
    /// The query of a job: its file's stem and its text.
    query: Option<(String, String)>,
}

impl<'a> Target<'a> {
    pub(crate) fn new(desired: &'a Desired) -> Self {
        Self { desired, resources: BTreeMap::new(), programs: BTreeSet::new(), held_back: Vec::new() }
    }

    pub(crate) fn add(&mut self, kind: &'static str, key: String, base: Value) {
        self.resources.insert((kind, key), Resource { base, over: Map::new(), query: None });
    }

    /// Adds a job that runs a query.
    pub(crate) fn add_job(&mut self, key: String, base: Value, over: Map<String, Value>, query: (String, String)) {
        self.resources.insert(("jobs", key), Resource { base, over, query: Some(query) });
    }

    pub(crate) fn hold_back(&mut self, what: String) {
        self.held_back.push(what);
    }

    /// What it has that is not common, and what it says beside that.
    pub(crate) fn own(&self, common: &Common, alike: &BTreeSet<&str>) -> Map<String, Value> {
        let mut own: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for ((kind, key), resource) in &self.resources {
            let is_common = common.get(kind).is_some_and(|resources| resources.contains_key(key));
            let mut written = if is_common { json!({}) } else { resource.base.clone() };
            if let (false, Some((stem, _))) = (is_common, &resource.query) {
                point(&mut written, &format!("./{}", self.path(stem, alike)));
            }
            for (name, value) in &resource.over {
                written[name] = value.clone();
            }
            if written.as_object().is_some_and(|written| !written.is_empty()) {
                own.entry(*kind).or_default().insert(key.clone(), written);
            }
        }
        own.into_iter().map(|(kind, resources)| (kind.to_owned(), resources.into())).collect()
    }

    /// Where a query is.
    fn path(&self, stem: &str, alike: &BTreeSet<&str>) -> String {
        if alike.contains(stem) { format!("sql/{stem}.sql") } else { format!("sql/{stem}.{}.sql", self.desired.environment) }
    }
}

/// The queries that are the same wherever there is one.
pub(crate) fn alike<'t>(targets: &'t [Target<'_>]) -> BTreeSet<&'t str> {
    let mut texts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (stem, text) in targets.iter().flat_map(|target| target.resources.values()).filter_map(|resource| resource.query.as_ref())
    {
        texts.entry(stem).or_default().insert(text);
    }
    texts.into_iter().filter(|(_, texts)| texts.len() == 1).map(|(stem, _)| stem).collect()
}

/// What all targets have alike, each resource as a whole.
pub(crate) fn common(targets: &[Target<'_>]) -> Common {
    let mut common = Common::new();
    let Some((first, others)) = targets.split_first() else { return common };
    for ((kind, key), resource) in &first.resources {
        let alike = |other: &Target<'_>| {
            other
                .resources
                .get(&(*kind, key.clone()))
                .is_some_and(|other| other.base == resource.base && other.query == resource.query)
        };
        if others.iter().all(alike) {
            let mut base = resource.base.clone();
            if let Some((stem, _)) = &resource.query {
                point(&mut base, &format!("../sql/{stem}.sql"));
            }
            common.entry(*kind).or_default().insert(key.clone(), base);
        }
    }
    common
}

/// Says where a job's query is.
fn point(job: &mut Value, path: &str) {
    job["tasks"][0]["sql_task"]["file"]["path"] = path.into();
}

/// The queries of jobs by their paths.
pub(crate) fn queries(targets: &[Target<'_>]) -> BTreeMap<String, String> {
    let alike = alike(targets);
    let of_target = |target: &Target<'_>| {
        let queries = target.resources.values().filter_map(|resource| resource.query.as_ref());
        queries.map(|(stem, text)| (target.path(stem, &alike), text.clone())).collect::<Vec<_>>()
    };
    targets.iter().flat_map(of_target).collect()
}

/// What is held back: once where it is so everywhere, else with where.
pub(crate) fn held_back(targets: &[Target<'_>]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for target in targets {
        for line in &target.held_back {
            places.entry(line).or_default().push(target.desired.environment.as_str());
        }
    }
    let told = |(line, places): (&str, Vec<&str>)| {
        if places.len() == targets.len() { line.to_owned() } else { format!("in {}: {line}", places.join(", ")) }
    };
    places.into_iter().map(told).collect()
}

//! The graph of jobs: a job that reads a table comes after every job that writes it. Runs nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::Direction;
use petgraph::algo::{astar, tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};
use polder_model::job::Job;
use polder_model::{JobId, TableName};

/// Jobs and which of them feed which.
#[derive(Debug, Clone)]
pub struct JobGraph {
    /// An edge goes from the job that writes to the job that reads.
    graph: DiGraph<JobId, ()>,
    nodes: BTreeMap<JobId, NodeIndex>,
    order: Vec<JobId>,
}

/// Jobs that wait for each other in a circle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("jobs wait for each other: {}; break the circle by reading another dataset in one of them", in_words(.path))]
pub struct Cycle {
    /// The jobs, each feeding the next and the last feeding the first.
    pub path: Vec<JobId>,
}

impl JobGraph {
    /// Joins jobs through the tables they write and read. A job that reads its own sink waits for no one by that.
    ///
    /// # Errors
    /// A [`Cycle`] when jobs wait for each other.
    pub fn new<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Result<Self, Cycle> {
        // In the order of names, so that everything that follows is the same however the jobs come.
        let jobs: BTreeMap<&JobId, &Job> = jobs.into_iter().map(|job| (&job.id, job)).collect();
        let mut graph = DiGraph::new();
        // The sort of petgraph puts the last of equals first; backwards, equals come in the order of names.
        let backwards = jobs.keys().rev();
        let nodes: BTreeMap<JobId, NodeIndex> = backwards.map(|&id| (id.clone(), graph.add_node(id.clone()))).collect();
        let mut writers: HashMap<&TableName, Vec<NodeIndex>> = HashMap::new();
        for job in jobs.values() {
            if let Some(sink) = &job.sink {
                writers.entry(&sink.table).or_default().push(nodes[&job.id]);
            }
        }
        for job in jobs.values() {
            let reader = nodes[&job.id];
            let feeding = job.sources.iter().filter_map(|source| writers.get(&source.table)).flatten();
            let feeding: BTreeSet<NodeIndex> = feeding.copied().filter(|&writer| writer != reader).collect();
            for writer in feeding {
                graph.add_edge(writer, reader, ());
            }
        }
        match toposort(&graph, None) {
            Ok(order) => {
                let order = order.into_iter().map(|node| graph[node].clone()).collect();
                Ok(Self { graph, nodes, order })
            }
            Err(_) => Err(Cycle { path: circle(&graph) }),
        }
    }

    /// Returns every job, each after all that feed it.
    #[must_use]
    pub fn order(&self) -> &[JobId] {
        &self.order
    }

    /// Returns the jobs that feed a job directly.
    pub fn feeding<'a>(&'a self, id: &JobId) -> impl Iterator<Item = &'a JobId> + use<'a> {
        let node = self.nodes.get(id).copied();
        node.into_iter().flat_map(|node| self.graph.neighbors_directed(node, Direction::Incoming)).map(|node| &self.graph[node])
    }

    /// Returns all that must run before a job, each after all that feed it, the job itself not included.
    #[must_use]
    pub fn upstream(&self, id: &JobId) -> Vec<JobId> {
        let Some(&start) = self.nodes.get(id) else { return Vec::new() };
        let mut found = BTreeSet::new();
        let mut search = Dfs::new(Reversed(&self.graph), start);
        while let Some(node) = search.next(Reversed(&self.graph)) {
            found.insert(node);
        }
        self.ordered(&found, start)
    }

    /// Returns all that a job feeds, directly or not, each after all that feed it, the job itself not included.
    #[must_use]
    pub fn downstream(&self, id: &JobId) -> Vec<JobId> {
        let Some(&start) = self.nodes.get(id) else { return Vec::new() };
        let mut found = BTreeSet::new();
        let mut search = Dfs::new(&self.graph, start);
        while let Some(node) = search.next(&self.graph) {
            found.insert(node);
        }
        self.ordered(&found, start)
    }

    fn ordered(&self, found: &BTreeSet<NodeIndex>, without: NodeIndex) -> Vec<JobId> {
        let wanted = |id: &&JobId| self.nodes.get(id).is_some_and(|node| *node != without && found.contains(node));
        self.order.iter().filter(wanted).cloned().collect()
    }
}

/// The shortest circle through the first job that is in one.
fn circle(graph: &DiGraph<JobId, ()>) -> Vec<JobId> {
    let circles = tarjan_scc(graph).into_iter().filter(|jobs| jobs.len() > 1);
    let Some(start) = circles.flatten().min_by_key(|&node| &graph[node]) else { return Vec::new() };
    let back = |next| astar(graph, next, |node| node == start, |_| 1_usize, |_| 0);
    let Some((_, path)) = graph.neighbors(start).filter_map(back).min() else { return Vec::new() };
    // The way back ends where it began: only once in the answer.
    std::iter::once(start).chain(path.into_iter().filter(|&node| node != start)).map(|node| graph[node].clone()).collect()
}

fn in_words(path: &[JobId]) -> String {
    let names: Vec<String> = path.iter().chain(path.first()).map(ToString::to_string).collect();
    names.join(" -> ")
}

//! Circles: groups that contain themselves, jobs that wait for themselves.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use polder_model::DatasetId;

use super::Checker;
use crate::descriptor::job::Job;
use crate::descriptor::organization::Group;
use crate::index::In;

impl Checker<'_, '_> {
    pub(super) fn group_cycles(&mut self) {
        let index = self.index;
        let (file, groups) = (&index.view.organization_file, &index.view.organization.groups);
        let by_name: HashMap<&str, usize> =
            groups.iter().enumerate().map(|(at, group)| (group.name.value.as_str(), at)).collect();
        let inner =
            |group: &Group| group.members.iter().filter_map(|m| by_name.get(m.value.as_str()).copied()).collect::<Vec<_>>();
        let edges = groups.iter().enumerate().flat_map(|(at, group)| inner(group).into_iter().map(move |to| (at, to)));
        for path in circles(groups.len(), edges) {
            let names: Vec<&str> = path.iter().map(|at| groups[*at].name.value.as_str()).collect();
            let (from, to) = (&groups[path[0]], names[1]);
            let span =
                from.members.iter().find(|member| member.value.as_str() == to).map_or(from.name.span, |member| member.span);
            let message = format!("the group '{}' contains itself: {}", names[0], names.join(" -> "));
            self.error(file, span, "group-cycle", to, message).help =
                Some(format!("remove '{to}' from the members of '{}'", names[0]));
        }
    }

    pub(super) fn job_cycles(&mut self) {
        let jobs = &self.index.jobs;
        let mut writers: HashMap<&DatasetId, Vec<usize>> = HashMap::new();
        for (at, job) in jobs.iter().enumerate() {
            if let Some(sink) = &job.it.sink {
                writers.entry(&sink.value).or_default().push(at);
            }
        }
        // An edge goes from the job that reads to the jobs that write what it reads.
        let read = |job: &In<'_, Job>| {
            // What is read through a connection is made elsewhere.
            let own = job.it.sources.iter().filter(|source| source.through.is_none());
            own.filter_map(|source| writers.get(&source.dataset.value)).flatten().copied().collect::<Vec<_>>()
        };
        let edges = jobs.iter().enumerate().flat_map(|(at, job)| read(job).into_iter().map(move |to| (at, to)));
        for path in circles(jobs.len(), edges) {
            let names: Vec<String> = path.iter().map(|at| jobs[*at].it.id.to_string()).collect();
            let (job, next) = (jobs[path[0]], jobs[path[1]]);
            let source =
                job.it.sources.iter().find(|source| Some(&source.dataset.value) == next.it.sink.as_ref().map(|sink| &sink.value));
            let (span, dataset) =
                source.map_or((job.it.span, ""), |source| (source.dataset.span, source.dataset.value.name.as_str()));
            let message = format!("the job '{}' waits for itself: {}", names[0], names.join(" -> reads what is made by "));
            let help = "remove one of these sources, or write into another dataset";
            self.error(job.file, span, "job-cycle", dataset, message).help = Some(help.to_owned());
        }
    }
}

/// The circles of a graph, one for each set of nodes that all lead to one another: first node, the nodes after it, first node again.
fn circles(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(nodes, nodes);
    for _ in 0..nodes {
        graph.add_node(());
    }
    graph.extend_with_edges(edges.map(|(from, to)| (NodeIndex::new(from), NodeIndex::new(to))));
    // Not by Tarjan's way, which petgraph goes with calls within calls: a chain of groups can be as long as a file.
    let components = kosaraju_scc(&graph);
    let mut circles: Vec<Vec<usize>> = components.iter().filter_map(|component| circle(&graph, component)).collect();
    circles.sort();
    circles
}

/// The shortest circle through the first node of a component, found breadth first.
fn circle(graph: &DiGraph<(), ()>, component: &[NodeIndex]) -> Option<Vec<usize>> {
    let start = *component.iter().min()?;
    let inside: HashSet<NodeIndex> = component.iter().copied().collect();
    let mut came_from: HashMap<NodeIndex, NodeIndex> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        let mut next: Vec<NodeIndex> = graph.neighbors(at).filter(|node| inside.contains(node)).collect();
        next.sort();
        for node in next {
            if node == start {
                let mut path = vec![start.index(), at.index()];
                let mut back = at;
                while let Some(before) = came_from.get(&back) {
                    path.push(before.index());
                    back = *before;
                }
                if at == start {
                    path.truncate(1);
                    path.push(start.index());
                }
                path.reverse();
                return Some(path);
            }
            if let Entry::Vacant(unseen) = came_from.entry(node) {
                unseen.insert(at);
                queue.push_back(node);
            }
        }
    }
    None
}

//! Files that lead back to themselves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

use super::arrows::Arrow;

/// What each file uses, with one arrow for each file that it uses.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a Arrow>>;

/// The circles among the files, the largest first: the files of each, and the lines that make the shortest way round.
pub fn circles(arrows: &BTreeSet<Arrow>) -> Vec<String> {
    let mut graph = Graph::new();
    for arrow in arrows {
        graph.entry(&arrow.from).or_default().entry(&arrow.to).or_insert(arrow);
        graph.entry(&arrow.to).or_default();
    }
    let mut nodes = DiGraph::new();
    let indices: BTreeMap<&str, _> =
        graph.keys().map(|file| (*file, nodes.add_node(*file))).collect();
    for arrow in arrows {
        nodes.add_edge(indices[arrow.from.as_str()], indices[arrow.to.as_str()], ());
    }
    let mut found: Vec<BTreeSet<&str>> = tarjan_scc(&nodes)
        .into_iter()
        .filter(|files| files.len() > 1)
        .map(|files| files.into_iter().map(|file| nodes[file]).collect())
        .collect();
    found.sort_by_key(|files| (std::cmp::Reverse(files.len()), files.first().copied()));
    found.iter().map(|files| describe(&graph, files)).collect()
}

fn describe(graph: &Graph, files: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = files.iter().copied().collect();
    let mut text = format!("{} files: {}", files.len(), names.join(", "));
    let shortest = files.iter().filter_map(|file| way_round(graph, file)).min_by_key(Vec::len);
    for arrow in shortest.unwrap_or_default() {
        text.push_str("\n  ");
        text.push_str(&arrow.to_string());
    }
    text
}

/// The shortest way from a file back to itself.
fn way_round<'a>(graph: &Graph<'a>, begin: &'a str) -> Option<Vec<&'a Arrow>> {
    let mut reached = BTreeSet::new();
    let mut waiting = VecDeque::from([(begin, Vec::new())]);
    while let Some((file, way)) = waiting.pop_front() {
        for (to, arrow) in &graph[file] {
            let way: Vec<&'a Arrow> = way.iter().copied().chain([*arrow]).collect();
            if *to == begin {
                return Some(way);
            }
            if reached.insert(*to) {
                waiting.push_back((to, way));
            }
        }
    }
    None
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} ({})", self.from, self.line, self.text, self.to)
    }
}

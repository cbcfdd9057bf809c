//! Chains of what waits for what that are too long to be walked.

use std::collections::BTreeMap;

use shared::eval::MAX_DEPTH;
use shared::fault::Fault;

/// How many steps lead to a node, and how many on from it, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The longest way that ends here.
    pub to: usize,
    /// The longest way that begins here.
    pub on: usize,
}

impl Reach {
    /// Whether a chain through here is longer than evaluation follows it.
    pub const fn is_too_long(self) -> bool {
        self.to + self.on > MAX_DEPTH
    }

    /// Whether evaluating this one itself goes further than it may.
    pub const fn is_too_deep(self) -> bool {
        self.on > MAX_DEPTH
    }

    /// What is wrong with a chain that is too long.
    pub fn detail(self, what: &str) -> String {
        format!(
            "these {what} make a chain of {} steps, where evaluation follows {MAX_DEPTH}: shorten it",
            self.to + self.on
        )
    }
}

/// The longest ways through each node, in linear time; what is on a circle, or leads there, is left out.
pub fn reaches(graph: &BTreeMap<String, Vec<String>>) -> BTreeMap<&str, Reach> {
    let mut behind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut ahead: BTreeMap<&str, usize> = BTreeMap::new();
    for (from, all) in graph {
        *ahead.entry(from).or_default() += all.len();
        for to in all {
            behind.entry(to).or_default().push(from);
            ahead.entry(to).or_default();
        }
    }
    let mut order: Vec<&str> = ahead.iter().filter(|(_, left)| **left == 0).map(|(node, _)| *node).collect();
    let mut reaches: BTreeMap<&str, Reach> = BTreeMap::new();
    let mut done = 0;
    // Ends first, and each node once all that it leads to is known.
    while let Some(node) = order.get(done).copied() {
        done += 1;
        let on = reaches.entry(node).or_default().on + 1;
        for before in behind.get(node).into_iter().flatten().copied() {
            let reach = reaches.entry(before).or_default();
            reach.on = reach.on.max(on);
            if let Some(left) = ahead.get_mut(before) {
                *left -= 1;
                if *left == 0 {
                    order.push(before);
                }
            }
        }
    }
    for node in order.iter().rev() {
        let to = reaches.get(node).map_or(0, |reach| reach.to) + 1;
        for next in graph.get(*node).into_iter().flatten() {
            if let Some(reach) = reaches.get_mut(next.as_str()) {
                reach.to = reach.to.max(to);
            }
        }
    }
    reaches.retain(|node, _| ahead.get(node) == Some(&0));
    reaches
}

/// Which nodes go further than evaluation follows; and, where one does so that is not planned, those that lead it on.
pub fn too_long(
    graph: &BTreeMap<String, Vec<String>>,
    planned: impl Fn(&str) -> bool,
) -> BTreeMap<&str, Reach> {
    let mut reaches = reaches(graph);
    let others = reaches.iter().any(|(node, reach)| reach.is_too_deep() && !planned(node));
    reaches.retain(|_, reach| reach.is_too_deep() || (others && reach.on > 0 && reach.is_too_long()));
    reaches
}

/// Adds a fault for each start that stands in a chain that is too long.
pub fn report(
    what: &str,
    graph: &BTreeMap<String, Vec<String>>,
    starts: &[(String, String)],
    faults: &mut Vec<Fault>,
) {
    let reaches = reaches(graph);
    for (start, pointer) in starts {
        if let Some(reach) = reaches.get(start.as_str()).filter(|reach| reach.is_too_long()) {
            faults.push(Fault::new(pointer.clone(), reach.detail(what)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::circles::tests::graph;

    #[test]
    fn the_longest_way_counts_in_both_directions_and_circles_are_left_out() {
        let graph = graph(&[
            ("a", "b"),
            ("b", "c"),
            ("a", "c"),
            ("a", "c"),
            ("c", "d"),
            ("x", "y"),
            ("y", "x"),
            ("w", "x"),
            ("x", "d"),
        ]);
        let reaches = reaches(&graph);
        let reach = |to, on| Some(Reach { to, on });
        for (node, expected) in [
            ("a", reach(0, 3)),
            ("b", reach(1, 2)),
            ("c", reach(2, 1)),
            ("d", reach(3, 0)),
            ("x", None),
            ("w", None),
        ] {
            assert_eq!(reaches.get(node).copied(), expected, "{node}");
        }
    }

    #[test]
    fn ladders_of_any_size_take_no_time() {
        let mut edges = Vec::new();
        let name = |i: usize, side: char| format!("{side}{i}");
        for i in 0..2000 {
            for (from, to) in [('l', 'l'), ('l', 'r'), ('r', 'l'), ('r', 'r')] {
                edges.push((name(i, from), name(i + 1, to)));
            }
        }
        let edges: Vec<(&str, &str)> = edges.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let graph = graph(&edges);
        let reaches = reaches(&graph);
        assert_eq!(reaches["l0"], Reach { to: 0, on: 2000 });
        assert_eq!(reaches["r700"], Reach { to: 700, on: 1300 });
    }
}

//! Circles in what waits for what: prerequisites of flags, segments in segments.

use std::collections::{BTreeMap, BTreeSet};

use shared::fault::Fault;

/// Adds a fault for each start that leads back to itself.
pub fn report(
    what: &str,
    graph: &BTreeMap<String, Vec<String>>,
    starts: &[(String, String)],
    faults: &mut Vec<Fault>,
) {
    let suspects = suspects(graph);
    for (start, pointer) in starts {
        if suspects.contains(start.as_str())
            && let Some(path) = cycle(graph, start)
        {
            faults.push(Fault::new(
                pointer.clone(),
                format!("these {what} form a circle: {}", path.join(" -> ")),
            ));
        }
    }
}

/// A way from `start` back to itself, if there is one. Iterative: a long chain is no deep stack.
pub fn cycle(graph: &BTreeMap<String, Vec<String>>, start: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open: Vec<&str> = vec![start];
    while let Some(here) = open.pop() {
        for next in graph.get(here).into_iter().flatten() {
            if next == start {
                let mut path = vec![start.to_owned(), here.to_owned()];
                let mut at = here;
                while at != start {
                    at = came_from.get(at).copied().unwrap_or(start);
                    path.push(at.to_owned());
                }
                if here == start {
                    path.truncate(2);
                }
                path.reverse();
                if path.first().map(String::as_str) != Some(start) {
                    path.insert(0, start.to_owned());
                }
                return Some(path);
            }
            if next != start && !came_from.contains_key(next.as_str()) {
                came_from.insert(next, here);
                open.push(next);
            }
        }
    }
    None
}

/// The nodes that can be on a circle, in linear time: what is left once ends and beginnings were taken off.
pub fn suspects(graph: &BTreeMap<String, Vec<String>>) -> BTreeSet<&str> {
    let mut left: BTreeSet<&str> = graph.keys().map(String::as_str).collect();
    let (mut forth, mut back) = (Ways::new(), Ways::new());
    for (from, all) in graph {
        for to in all.iter().filter(|to| graph.contains_key(*to)) {
            forth.entry(from).or_default().insert(to);
            back.entry(to).or_default().insert(from);
        }
    }
    peel(&mut left, forth.clone(), &back);
    peel(&mut left, back, &forth);
    left
}

type Ways<'g> = BTreeMap<&'g str, BTreeSet<&'g str>>;

/// Takes off the nodes from which nothing goes ahead, until there are none.
fn peel<'g>(left: &mut BTreeSet<&'g str>, mut ahead: Ways<'g>, behind: &Ways<'g>) {
    let mut ends: Vec<&str> =
        left.iter().copied().filter(|n| ahead.get(n).is_none_or(BTreeSet::is_empty)).collect();
    while let Some(end) = ends.pop() {
        left.remove(end);
        for before in behind.get(end).into_iter().flatten() {
            if let Some(others) = ahead.get_mut(before)
                && others.remove(end)
                && others.is_empty()
            {
                ends.push(before);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What waits for what.
    pub fn graph(edges: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().push((*to).to_owned());
        }
        graph
    }

    #[test]
    fn a_circle_is_told_as_the_way_around() {
        let circle = cycle(&graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]), "a").unwrap();
        assert_eq!(circle, ["a", "b", "c", "a"]);
        assert_eq!(cycle(&graph(&[("a", "a")]), "a").unwrap(), ["a", "a"]);
    }

    #[test]
    fn only_what_can_be_on_a_circle_is_suspect() {
        let graph = graph(&[("x", "a"), ("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("e", "e")]);
        assert_eq!(suspects(&graph).into_iter().collect::<Vec<_>>(), ["a", "b", "e"]);
    }

    #[test]
    fn a_diamond_is_no_circle() {
        assert_eq!(cycle(&graph(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]), "a"), None);
    }
}

//! Circles in a graph of keys, told as the way around.

use std::collections::BTreeMap;

use shared::fault::Fault;

/// Adds a fault for each start that leads back to itself.
pub fn report(
    what: &str,
    graph: &BTreeMap<String, Vec<String>>,
    starts: &[(String, String)],
    faults: &mut Vec<Fault>,
) {
    for (start, pointer) in starts {
        if let Some(path) = cycle(graph, start) {
            faults.push(Fault::new(
                pointer.clone(),
                format!("these {what} form a circle: {}", path.join(" -> ")),
            ));
        }
    }
}

/// A way from `start` back to itself, if there is one. Iterative: a long chain is no deep stack.
fn cycle(graph: &BTreeMap<String, Vec<String>>, start: &str) -> Option<Vec<String>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
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
    fn a_diamond_is_no_circle() {
        assert_eq!(cycle(&graph(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]), "a"), None);
    }
}

//! Finds what of an import cannot be taken, each by itself, until what is left can stand together.

use std::collections::{BTreeMap, BTreeSet};

use shared::fault::Fault;
use shared::flag::{Flag, FlagConfig};
use shared::key::{EnvironmentKey, SegmentKey};
use shared::segment::Segment;

use super::import_plan::{ConfigPlan, FlagPlan, Here, SegmentPlan};
use super::import_values::{in_config, in_export};
use super::{chains, circles, validate};

/// A plan by its place in the list.
#[derive(Clone, Copy)]
enum Node {
    Flag(usize),
    Segment(usize),
}

/// Gives each plan its faults: those of its own, then of what it refers to and what refers to it. A plan
/// that is refused leaves what stood here, so whoever refers to it is looked at again.
pub fn check(flags: &mut [FlagPlan], segments: &mut [SegmentPlan], here: &Here) {
    for plan in flags.iter_mut().filter(|p| p.faults.is_empty()) {
        plan.faults = own_faults(plan);
    }
    let users = users(flags, segments);
    let places = places(flags, segments);
    let mut queue: Vec<Node> =
        (0..segments.len()).map(Node::Segment).chain((0..flags.len()).map(Node::Flag)).collect();
    while !queue.is_empty() {
        while let Some(node) = queue.pop() {
            let standing = Standing { flags, segments, here, places: &places };
            let Some((faults, name)) = standing.faults(node).filter(|(faults, _)| !faults.is_empty()) else {
                continue;
            };
            let refused = match node {
                Node::Flag(i) => flags.get_mut(i).map(|p| &mut p.faults),
                Node::Segment(i) => segments.get_mut(i).map(|p| &mut p.faults),
            };
            if let Some(refused) = refused {
                *refused = faults;
            }
            queue.extend(users.get(&name).into_iter().flatten());
        }
        for name in refuse_circles(flags, segments, here) {
            queue.extend(users.get(&name).into_iter().flatten());
        }
    }
}

/// What others call a flag (no environment) or a segment.
type Name = (Option<EnvironmentKey>, String);

/// For each name the plans that refer to it.
fn users(flags: &[FlagPlan], segments: &[SegmentPlan]) -> BTreeMap<Name, Vec<Node>> {
    let mut users: BTreeMap<Name, Vec<Node>> = BTreeMap::new();
    for (i, plan) in flags.iter().enumerate() {
        for config in &plan.configs {
            for (key, _) in validate::prerequisites(&config.row.document) {
                users.entry((None, key)).or_default().push(Node::Flag(i));
            }
            for (_, key) in validate::segment_references(&config.row.document) {
                let name = (Some(config.row.environment.clone()), key);
                users.entry(name).or_default().push(Node::Flag(i));
            }
        }
    }
    for (i, plan) in segments.iter().enumerate() {
        for (_, key) in validate::segment_references(&plan.row.document) {
            users.entry((Some(plan.row.environment.clone()), key)).or_default().push(Node::Segment(i));
        }
    }
    users
}

/// Where the plans of a name stand in their lists.
type Places = BTreeMap<Name, usize>;

fn places(flags: &[FlagPlan], segments: &[SegmentPlan]) -> Places {
    let mut places = Places::new();
    for (i, plan) in flags.iter().enumerate() {
        places.entry((None, plan.row.key.to_string())).or_insert(i);
    }
    for (i, plan) in segments.iter().enumerate() {
        places.entry((Some(plan.row.environment.clone()), plan.row.key.to_string())).or_insert(i);
    }
    places
}

/// What will stand, as far as it is known yet.
struct Standing<'a> {
    flags: &'a [FlagPlan],
    segments: &'a [SegmentPlan],
    here: &'a Here,
    places: &'a Places,
}

impl Standing<'_> {
    /// The flag of that key.
    fn flag(&self, key: &str) -> Option<&Flag> {
        let planned = self.places.get(&(None, key.to_owned())).and_then(|i| self.flags.get(*i));
        let good = planned.filter(|p| p.faults.is_empty()).map(|p| &p.row);
        good.or_else(|| self.here.flags.get(key).map(|s| &s.row))
    }

    /// The segment of that key.
    fn segment(&self, environment: &EnvironmentKey, key: &str) -> Option<&Segment> {
        let name = (Some(environment.clone()), key.to_owned());
        let planned = self.places.get(&name).and_then(|i| self.segments.get(*i));
        planned.filter(|p| p.faults.is_empty()).map(|p| &p.row).or_else(|| {
            let key = SegmentKey::new(key).ok()?;
            self.here.segments.get(&(environment.clone(), key)).map(|s| &s.row)
        })
    }

    /// What is wrong with a reference to a segment.
    fn segment_fault(&self, environment: &EnvironmentKey, pointer: String, key: &str) -> Option<Fault> {
        let detail = match self.segment(environment, key) {
            None => format!("there is no segment {key} in {environment}, and none that is taken in"),
            Some(found) if found.archived => format!("the segment {key} is archived"),
            Some(_) => return None,
        };
        Some(Fault::new(pointer, detail))
    }

    /// What is wrong with what a flag refers to.
    fn flag_faults(&self, plan: &FlagPlan) -> Vec<Fault> {
        if plan.row.archived {
            return self.archived_in_use(plan).into_iter().collect();
        }
        plan.configs.iter().flat_map(|config| self.config_faults(config)).collect()
    }

    fn config_faults(&self, config: &ConfigPlan) -> Vec<Fault> {
        let mut wrong = Vec::new();
        for (p, (key, variation)) in validate::prerequisites(&config.row.document).into_iter().enumerate() {
            let (member, detail) = match self.flag(&key) {
                None => ("key", format!("there is no flag {key} here, and none that is taken in")),
                Some(found) if found.archived => ("key", format!("the flag {key} is archived")),
                Some(found) if !usize::try_from(variation).is_ok_and(|v| found.selectable(v)) => {
                    ("variation", format!("{key} has no variation {variation} that can be served"))
                }
                Some(_) => continue,
            };
            wrong.push(Fault::new(format!("/prerequisites/{p}/{member}"), detail));
        }
        for (pointer, key) in validate::segment_references(&config.row.document) {
            wrong.extend(self.segment_fault(&config.row.environment, pointer, &key));
        }
        wrong.iter().map(|fault| in_config(fault, config)).collect()
    }

    /// Whether something that is live waits for a flag that is to be archived.
    fn archived_in_use(&self, plan: &FlagPlan) -> Option<Fault> {
        if plan.before.as_ref().is_none_or(|old| old.archived) {
            return None;
        }
        let waits = |config: &FlagConfig| {
            validate::prerequisites(&config.document).iter().any(|(key, _)| key == plan.row.key.as_str())
        };
        let planned = self.flags.iter().filter(|p| p.faults.is_empty()).flat_map(|p| &p.configs);
        let all = self.here.configs.values().map(|s| &s.row).chain(planned.map(|c| &c.row));
        let users: BTreeSet<String> = all
            .filter(|c| waits(c) && self.flag(c.flag.as_str()).is_some_and(|f| !f.archived))
            .map(|c| format!("{} in {}", c.flag, c.environment))
            .collect();
        (!users.is_empty()).then(|| {
            let users: Vec<String> = users.into_iter().collect();
            Fault::new(format!("{}/archived", plan.at), format!("is a prerequisite of {}", users.join(", ")))
        })
    }

    /// What is wrong with a plan that is good so far, and its name.
    fn faults(&self, node: Node) -> Option<(Vec<Fault>, Name)> {
        match node {
            Node::Flag(i) => {
                let plan = self.flags.get(i).filter(|p| p.faults.is_empty())?;
                Some((self.flag_faults(plan), (None, plan.row.key.to_string())))
            }
            Node::Segment(i) => {
                let plan = self.segments.get(i).filter(|p| p.faults.is_empty())?;
                let environment = &plan.row.environment;
                let faults = validate::segment_references(&plan.row.document)
                    .into_iter()
                    .filter_map(|(p, key)| self.segment_fault(environment, format!("{}{p}", plan.at), &key));
                Some((faults.collect(), (Some(environment.clone()), plan.row.key.to_string())))
            }
        }
    }
}

type Graph = BTreeMap<String, Vec<String>>;

/// Refuses every plan that closes a circle, or makes a chain too long; answers their names.
fn refuse_circles(flags: &mut [FlagPlan], segments: &mut [SegmentPlan], here: &Here) -> Vec<Name> {
    let mut refused = Vec::new();
    let mut graphs: BTreeMap<EnvironmentKey, Graph> = BTreeMap::new();
    let keys = |document| validate::prerequisites(document).into_iter().map(|(key, _)| key).collect();
    for ((flag, environment), stored) in &here.configs {
        let graph = graphs.entry(environment.clone()).or_default();
        graph.insert(flag.to_string(), keys(&stored.row.document));
    }
    for config in flags.iter().filter(|p| p.faults.is_empty()).flat_map(|p| &p.configs) {
        let graph = graphs.entry(config.row.environment.clone()).or_default();
        graph.insert(config.row.flag.to_string(), keys(&config.row.document));
    }
    for (environment, graph) in &graphs {
        let suspects = circles::suspects(graph);
        let planned: BTreeSet<String> =
            flags.iter().filter(|p| p.faults.is_empty()).map(|p| p.row.key.to_string()).collect();
        let too_long = chains::too_long(graph, |key| planned.contains(key));
        for plan in flags.iter_mut().filter(|p| p.faults.is_empty()) {
            let key = plan.row.key.as_str();
            let config = plan.configs.iter().find(|c| c.row.environment == *environment);
            if let Some((reach, config)) = too_long.get(key).zip(config) {
                let detail = reach.detail("prerequisites");
                plan.faults.push(Fault::new(format!("{}/prerequisites", config.at), detail));
                refused.push((None, plan.row.key.to_string()));
            }
        }
        for plan in flags.iter_mut().filter(|p| suspects.contains(p.row.key.as_str())) {
            let Some(config) = plan.configs.iter().find(|c| c.row.environment == *environment) else {
                continue;
            };
            if plan.faults.is_empty()
                && let Some(path) = circles::cycle(graph, plan.row.key.as_str())
            {
                let detail = format!("these prerequisites form a circle: {}", path.join(" -> "));
                plan.faults.push(Fault::new(format!("{}/prerequisites", config.at), detail));
                refused.push((None, plan.row.key.to_string()));
            }
        }
    }
    let mut graphs: BTreeMap<EnvironmentKey, Graph> = BTreeMap::new();
    let keys = |segment: &Segment| {
        validate::segment_references(&segment.document).into_iter().map(|(_, key)| key).collect()
    };
    let standing = here.segments.values().map(|s| &s.row);
    for row in standing.chain(segments.iter().filter(|p| p.faults.is_empty()).map(|p| &p.row)) {
        graphs.entry(row.environment.clone()).or_default().insert(row.key.to_string(), keys(row));
    }
    for (environment, graph) in &graphs {
        let good = segments.iter().filter(|p| p.faults.is_empty() && p.row.environment == *environment);
        let planned: BTreeSet<String> = good.map(|p| p.row.key.to_string()).collect();
        let too_long = chains::too_long(graph, |key| planned.contains(key));
        for plan in segments.iter_mut() {
            let reach = too_long.get(plan.row.key.as_str());
            if let Some(reach) =
                reach.filter(|_| plan.faults.is_empty() && plan.row.environment == *environment)
            {
                plan.faults.push(Fault::new(format!("{}/rules", plan.at), reach.detail("segments")));
                refused.push((Some(environment.clone()), plan.row.key.to_string()));
            }
        }
    }
    let suspects: BTreeMap<_, _> = graphs.iter().map(|(e, graph)| (e, circles::suspects(graph))).collect();
    for plan in segments.iter_mut().filter(|p| p.faults.is_empty()) {
        let suspect = suspects.get(&plan.row.environment).is_some_and(|s| s.contains(plan.row.key.as_str()));
        let Some(graph) = graphs.get(&plan.row.environment).filter(|_| suspect) else { continue };
        let Some(path) = circles::cycle(graph, plan.row.key.as_str()) else { continue };
        let detail = format!("these segments form a circle: {}", path.join(" -> "));
        plan.faults.push(Fault::new(format!("{}/rules", plan.at), detail));
        refused.push((Some(plan.row.environment.clone()), plan.row.key.to_string()));
    }
    refused
}

/// What is wrong with a flag by itself, with pointers into the export.
pub fn own_faults(plan: &FlagPlan) -> Vec<Fault> {
    let mut faults: Vec<Fault> = validate::flag_faults(&plan.row, plan.before.as_ref(), "")
        .into_iter()
        .map(|f| in_export(&f, plan))
        .collect();
    for config in &plan.configs {
        let wrong = validate::config_faults(&plan.row, &config.row, "");
        faults.extend(wrong.into_iter().map(|f| in_config(&f, config)));
    }
    faults
}

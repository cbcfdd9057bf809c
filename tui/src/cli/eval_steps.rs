//! The steps of an evaluation as lines for people.

use shared::eval::{BucketStep, ClauseStep, Explanation, SegmentRuleStep, SegmentStep, ServeStep};
use shared::json::Json;

/// Every step as a line, each below what it belongs to; a tick or a cross says how it came out.
#[must_use]
pub fn steps(told: &Explanation) -> Vec<String> {
    let mut out = Vec::new();
    flag(told, 0, &mut out);
    if told.truncated {
        out.push("… and more: not every step was written down".to_owned());
    }
    out
}

fn put(depth: usize, line: &str, out: &mut Vec<String>) {
    out.push(format!("{}{line}", "  ".repeat(depth)));
}

fn mark(passed: bool) -> &'static str {
    if passed { "✓" } else { "✗" }
}

fn flag(told: &Explanation, depth: usize, out: &mut Vec<String>) {
    let state = if told.on { "on" } else { "off" };
    put(depth, &format!("{} version {} is {state}", told.flag, told.version), out);
    let depth = depth + 1;
    for step in &told.prerequisites {
        let needed =
            format!("{} needs variation {} of {}", mark(step.passed), step.required_variation, step.key);
        put(depth, &format!("{needed}: {}", step.detail), out);
        if let Some(told) = &step.explanation {
            flag(told, depth + 1, out);
        }
    }
    for step in &told.targets {
        let target = format!("{} target of variation {}", mark(step.matched), step.variation);
        put(depth, &format!("{target} for {}: {}", step.context_kind, step.detail), out);
    }
    for step in &told.rules {
        put(depth, &format!("{} {}", mark(step.matched), rule(step.index, &step.id)), out);
        clauses(&step.clauses, depth + 1, out);
    }
    if let Some(step) = &told.serve {
        serve(step, depth, out);
    }
}

/// People count rules from 1.
fn rule(index: usize, id: &str) -> String {
    let name = if id.is_empty() { String::new() } else { format!(" ({id})") };
    format!("rule {}{name}", index + 1)
}

fn clauses(steps: &[ClauseStep], depth: usize, out: &mut Vec<String>) {
    for step in steps {
        let saw = step.saw.as_ref().map(|saw| format!(" {saw}")).unwrap_or_default();
        let not = if step.negate { "not " } else { "" };
        let asked = if step.attribute.is_empty() {
            format!("{not}{}", step.op)
        } else {
            format!("{} {}{saw} {not}{}", step.context_kind, step.attribute, step.op)
        };
        let detail = if step.detail.is_empty() { String::new() } else { format!(": {}", step.detail) };
        put(depth, &format!("{} {asked}{detail}", mark(step.matched)), out);
        for step in &step.segments {
            segment(step, depth + 1, out);
        }
    }
}

fn segment(step: &SegmentStep, depth: usize, out: &mut Vec<String>) {
    put(depth, &format!("{} segment {}: {}", mark(step.contains), step.key, step.detail), out);
    for SegmentRuleStep { index, id, matched, clauses: inner, bucket } in &step.rules {
        put(depth + 1, &format!("{} {}", mark(*matched), rule(*index, id)), out);
        clauses(inner, depth + 2, out);
        if let Some(step) = bucket {
            put(depth + 2, &fell(step), out);
        }
    }
}

fn serve(step: &ServeStep, depth: usize, out: &mut Vec<String>) {
    let served = match (step.variation, &step.problem) {
        (_, Some(problem)) => format!("✗ {}: {problem}", step.by),
        (Some(variation), None) => format!("→ {}: variation {variation}", step.by),
        (None, None) => format!("→ {}: nothing, so callers take their own default", step.by),
    };
    put(depth, &served, out);
    if let Some(rollout) = &step.rollout {
        let of = match (rollout.experiment, rollout.in_experiment) {
            (true, true) => "experiment, taking part: ",
            (true, false) => "experiment, not taking part: ",
            (false, _) => "",
        };
        let way = rollout.algorithm.as_ref().map(|name| format!(", as {name} divides")).unwrap_or_default();
        put(depth + 1, &format!("{of}{}{way}", fell(&rollout.bucket)), out);
    }
}

fn fell(step: &BucketStep) -> String {
    let seed = step.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
    let detail = if step.detail.is_empty() { String::new() } else { format!("; {}", step.detail) };
    let place = format!("bucket {} of {} to {}", Json::from_serialize(&step.bucket), step.from, step.to);
    format!("{place} by {} {}{seed}{detail}", step.context_kind, step.attribute)
}

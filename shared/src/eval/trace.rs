//! The path an evaluation took, as steps; and the recorder that writes them down on the way.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clause::Test;
use crate::json::Json;

/// How a flag came to serve what it serves to one context, in the order in which it was decided:
/// prerequisites, targets, rules, then what was served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Explanation {
    /// The flag's key.
    pub flag: String,
    /// The version of its configuration.
    pub version: i64,
    /// Whether it is on; if not, nothing else is looked at.
    pub on: bool,
    /// The prerequisites that were looked at.
    #[schema(no_recursion)]
    pub prerequisites: Vec<PrerequisiteStep>,
    /// The targets that were looked at.
    pub targets: Vec<TargetStep>,
    /// The rules that were looked at.
    pub rules: Vec<RuleStep>,
    /// What was served, and how it was chosen.
    pub serve: Option<ServeStep>,
    /// The index of the variation; none if there is no result.
    pub variation: Option<usize>,
    /// The value, or null; left out for prerequisites.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = serde_json::Value, required = false)]
    pub value: Option<Json>,
    /// The reason, as SDKs report it.
    #[schema(value_type = Object)]
    pub reason: Json,
    /// Whether steps are missing because there were too many.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// Keeps null apart from absent.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// A prerequisite that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PrerequisiteStep {
    /// The other flag's key.
    pub key: String,
    /// The index it must serve.
    pub required_variation: i64,
    /// Whether it does.
    pub passed: bool,
    /// Why, as a sentence.
    pub detail: String,
    /// How the other flag was evaluated; none if it is missing or was evaluated before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub explanation: Option<Box<Explanation>>,
}

/// A list of keys that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetStep {
    /// The kind of its keys.
    pub context_kind: String,
    /// The index they get.
    pub variation: i64,
    /// Whether the context's key is one of them.
    pub matched: bool,
    /// Why, as a sentence.
    pub detail: String,
}

/// A rule that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleStep {
    /// Its position.
    pub index: usize,
    /// Its id; may be empty.
    pub id: String,
    /// Whether every clause matched.
    pub matched: bool,
    /// The clauses, up to the first that didn't match.
    pub clauses: Vec<ClauseStep>,
}

/// A clause that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClauseStep {
    /// The kind whose attribute is meant.
    pub context_kind: String,
    /// The attribute.
    pub attribute: String,
    /// The operator.
    pub op: String,
    /// Whether the result is turned round.
    pub negate: bool,
    /// Whether it matched, turning round included.
    pub matched: bool,
    /// The value it saw in the context, shortened if it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = serde_json::Value, required = false)]
    pub saw: Option<Json>,
    /// Why, as a sentence.
    pub detail: String,
    /// The segments that were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub segments: Vec<SegmentStep>,
}

/// A segment that was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SegmentStep {
    /// Its key.
    pub key: String,
    /// Whether the context is in it.
    pub contains: bool,
    /// Why, as a sentence.
    pub detail: String,
    /// The rules that were looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub rules: Vec<SegmentRuleStep>,
}

/// A rule of a segment that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SegmentRuleStep {
    /// Its position.
    pub index: usize,
    /// Its id; may be empty.
    pub id: String,
    /// Whether every clause matched and the bucket is below the weight.
    pub matched: bool,
    /// The clauses, up to the first that didn't match.
    pub clauses: Vec<ClauseStep>,
    /// Where the context fell, if the rule has a weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketStep>,
}

/// What was served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServeStep {
    /// Where it was found: `off`, `target`, `rule` or `fallthrough`; `document` if the flag itself cannot be read.
    pub by: String,
    /// The index that was named; none if there is nothing to serve, or callers take their own default.
    pub variation: Option<i64>,
    /// How it was divided, if it is a rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStep>,
    /// What is wrong, if there is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How a rollout was divided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStep {
    /// Whether it is an experiment.
    pub experiment: bool,
    /// Whether the context is part of it.
    pub in_experiment: bool,
    /// The algorithm of another tool that divides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub algorithm: Option<String>,
    /// Where the context fell, and the range of the part that was chosen.
    pub bucket: BucketStep,
}

/// Where a context fell, from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BucketStep {
    /// The kind that is divided.
    pub context_kind: String,
    /// The attribute it is divided by.
    pub attribute: String,
    /// The seed that takes the place of key and salt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Where it fell.
    pub bucket: f32,
    /// Where the range that is asked about, or was chosen, begins; in it.
    pub from: f32,
    /// Where that range ends; not in it.
    pub to: f32,
    /// What is strange about it, as a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// A step that others hang below.
#[allow(clippy::large_enum_variant)] // at most 20 are open at a time
pub(super) enum Node {
    Flag(Explanation),
    Prerequisite(PrerequisiteStep),
    Rule(RuleStep),
    Clause(ClauseStep),
    Segment(SegmentStep),
    SegmentRule(SegmentRuleStep),
}

// A hostile document could make more steps than anybody can read.
const MAX_STEPS: usize = 10_000;
// Below what readers of JSON take: a step is up to two levels.
const MAX_OPEN: usize = 20;

/// Who is told of the steps while they happen.
pub(super) trait Listener {
    /// From how many visits of flags and segments on results are remembered, so that no graph takes exponential
    /// time; before, the usual flag is spared the allocation.
    const REMEMBER_AFTER: usize = 64;

    /// A step begins; the next ones hang below it.
    fn open(&mut self, make: impl FnOnce() -> Node);

    /// Adds to the step that is open.
    fn mark(&mut self, change: impl FnOnce(&mut Node));

    /// The open step ends.
    fn close(&mut self);

    /// Whether so much more may be done.
    #[inline]
    fn spend(&mut self, _steps: u64) -> bool {
        true
    }

    /// Whether the value matches; `None` if it takes more than may be done.
    #[inline]
    fn compare(&mut self, test: &Test, value: &Json) -> Option<bool> {
        Some(test.matches(value))
    }
}

/// Nobody: telling costs nothing.
pub(super) struct Nobody;

impl Listener for Nobody {
    #[inline]
    fn open(&mut self, _make: impl FnOnce() -> Node) {}

    #[inline]
    fn mark(&mut self, _change: impl FnOnce(&mut Node)) {}

    #[inline]
    fn close(&mut self) {}
}

/// Writes steps down while they happen.
#[derive(Default)]
pub(super) struct Recorder {
    open: Vec<Node>,
    steps: usize,
    // How many steps are open that are not written down.
    skipped: usize,
    truncated: bool,
}

impl Listener for Recorder {
    fn open(&mut self, make: impl FnOnce() -> Node) {
        if self.skipped > 0 || self.open.len() >= MAX_OPEN || self.steps >= MAX_STEPS {
            self.skipped += 1;
            self.truncated = true;
        } else {
            self.steps += 1;
            self.open.push(make());
        }
    }

    fn mark(&mut self, change: impl FnOnce(&mut Node)) {
        if self.skipped == 0
            && let Some(node) = self.open.last_mut()
        {
            change(node);
        }
    }

    fn close(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else if self.open.len() > 1
            && let Some(child) = self.open.pop()
            && let Some(parent) = self.open.last_mut()
        {
            attach(parent, child);
        }
    }
}

impl Recorder {
    /// Closes what is still open and hands out the whole.
    pub(super) fn finish(mut self) -> Explanation {
        self.skipped = 0;
        while self.open.len() > 1 {
            self.mark(cut_short);
            self.close();
        }
        match self.open.pop() {
            Some(Node::Flag(mut explanation)) => {
                explanation.truncated = self.truncated;
                explanation
            }
            _ => Explanation::default(),
        }
    }
}

/// Says of a step that did not come to its end, unless it says so itself, that this is why there is no result.
fn cut_short(node: &mut Node) {
    let detail = match node {
        Node::Prerequisite(step) => &mut step.detail,
        Node::Clause(step) => &mut step.detail,
        Node::Segment(step) => &mut step.detail,
        Node::Flag(_) | Node::Rule(_) | Node::SegmentRule(_) => return,
    };
    if detail.is_empty() {
        "what it needs contradicts itself, so there is no result".clone_into(detail);
    }
}

fn attach(parent: &mut Node, child: Node) {
    match (parent, child) {
        (Node::Flag(flag), Node::Prerequisite(step)) => flag.prerequisites.push(step),
        (Node::Flag(flag), Node::Rule(step)) => flag.rules.push(step),
        (Node::Prerequisite(step), Node::Flag(flag)) => step.explanation = Some(Box::new(flag)),
        (Node::Rule(rule), Node::Clause(step)) => rule.clauses.push(step),
        (Node::SegmentRule(rule), Node::Clause(step)) => rule.clauses.push(step),
        (Node::Clause(clause), Node::Segment(step)) => clause.segments.push(step),
        (Node::Segment(segment), Node::SegmentRule(step)) => segment.rules.push(step),
        // The walk opens nothing else.
        _ => {}
    }
}

const MAX_SEEN: usize = 256;

/// A value, or the beginning of its text if it is long.
pub(super) fn shortened(value: &Json) -> Json {
    let text = value.to_text();
    if text.len() <= MAX_SEEN {
        return value.clone();
    }
    let mut beginning: String = text.chars().take(MAX_SEEN / 2).collect();
    beginning.push('…');
    Json::String(beginning)
}

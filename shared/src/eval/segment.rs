//! Whether a context is in a segment.

use super::bucket::{Bucket, Prefix, bucket};
use super::graph::Graph;
use super::prepare::{PreparedKeys, PreparedSegment, PreparedSegmentRule};
use super::reason::BigSegmentsStatus;
use super::trace::{BucketStep, Listener, Node, SegmentRuleStep, SegmentStep};
use super::walk::{Malformed, Path, ROUND, Walk, bucket_step};
use crate::context::{Context, DEFAULT_KIND, Individual};

impl<'f, G: Graph<'f>, L: Listener> Walk<'f, '_, G, L> {
    /// Whether any of the segments that exist contains the context.
    pub(super) fn in_any_segment(
        &mut self,
        keys: &'f [Box<str>],
        place: G::Place,
        link: usize,
        path: Option<&Path<'_>>,
    ) -> Result<bool, Malformed> {
        for (position, key) in keys.iter().enumerate() {
            self.spend(1)?;
            self.open(|| Node::Segment(SegmentStep { key: key.to_string(), ..SegmentStep::default() }));
            let found = self.graph.segment(place, link + position, key);
            let contains = match found.filter(|(segment, _)| !segment.deleted) {
                None => {
                    self.mark(|node| detail(node, "there is no such segment, so nobody is in it"));
                    false
                }
                Some((segment, beyond)) => self.segment(segment, beyond, path)?,
            };
            self.close(|node| {
                if let Node::Segment(step) = node {
                    step.contains = contains;
                }
            });
            if contains {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn segment(
        &mut self,
        segment: &'f PreparedSegment,
        place: G::Place,
        path: Option<&Path<'_>>,
    ) -> Result<bool, Malformed> {
        let here = Path::step(&segment.key, path).inspect_err(|_| self.mark(|node| detail(node, ROUND)))?;
        if let Some(known) = self.known_segment(&segment.key) {
            self.mark(|node| detail(node, "as it was decided above"));
            return Ok(known);
        }
        let remembers = self.remembers();
        let contains = self.decide_segment(segment, place, &here)?;
        if remembers {
            self.remember_segment(&segment.key, contains);
        }
        Ok(contains)
    }

    fn decide_segment(
        &mut self,
        segment: &'f PreparedSegment,
        place: G::Place,
        here: &Path<'_>,
    ) -> Result<bool, Malformed> {
        if segment.unbounded {
            if let Some(problem) = &segment.unread {
                self.mark(|node| detail(node, problem));
                return Err(Malformed);
            }
            // Without a store of members nothing is known about them; the rules still count.
            if segment.generation.is_some() && self.context.of_kind(&segment.unbounded_kind).is_none() {
                self.mark(|node| detail(node, "the context lacks the kind of this big segment"));
                return Ok(false);
            }
            self.big_segments = Some(BigSegmentsStatus::NotConfigured);
            self.mark(|node| detail(node, "it is a big segment, whose members are not known here"));
            if segment.generation.is_none() {
                return Ok(false);
            }
        } else if let Some((contains, why)) = listed(segment, self.context) {
            self.mark(|node| detail(node, why));
            return Ok(contains);
        }
        for (index, rule) in segment.rules.iter().enumerate() {
            self.open(|| {
                let id = rule.id.to_string();
                Node::SegmentRule(SegmentRuleStep { index, id, ..SegmentRuleStep::default() })
            });
            let matched = self.clauses(&rule.clauses, place, Some(here))? && self.below_weight(rule)?;
            self.close(|node| {
                if let Node::SegmentRule(step) = node {
                    step.matched = matched;
                }
            });
            if matched {
                self.mark(|node| detail(node, "a rule matches"));
                return Ok(true);
            }
        }
        self.mark(|node| {
            if let Node::Segment(step) = node
                && step.detail.is_empty()
            {
                "its key is not listed and no rule matches".clone_into(&mut step.detail);
            }
        });
        Ok(false)
    }

    fn below_weight(&mut self, rule: &PreparedSegmentRule) -> Result<bool, Malformed> {
        let Some((share, salt)) = &rule.share else { return Ok(true) };
        self.spend(64)?;
        let attribute = match &rule.by.attribute {
            Ok(attribute) => attribute,
            Err(error) => {
                self.mark(|node| {
                    if let Node::SegmentRule(step) = node {
                        let told = bucket_step(&rule.by, None, Bucket::NoValue, 0.0, *share);
                        step.bucket = Some(BucketStep { detail: error.to_string(), ..told });
                    }
                });
                return Err(Malformed);
            }
        };
        let fell = bucket(self.context, &rule.by.kind, attribute.as_ref(), Prefix::Own(salt));
        self.missed_key |= fell == Bucket::NoKey;
        self.mark(|node| {
            if let Node::SegmentRule(step) = node {
                step.bucket = Some(bucket_step(&rule.by, None, fell, 0.0, *share));
            }
        });
        Ok(fell != Bucket::NoKind && fell.place() < *share)
    }
}

/// What the lists say; inclusion beats exclusion. As the Go SDK does it, the lists of other kinds are
/// not looked at for a plain user.
fn listed(segment: &PreparedSegment, context: &Context) -> Option<(bool, &'static str)> {
    let user = context.of_kind(DEFAULT_KIND).map(Individual::key);
    let has = |lists: &[PreparedKeys]| {
        !context.is_plain_user()
            && lists
                .iter()
                .any(|list| context.of_kind(&list.kind).is_some_and(|one| list.keys.contains(one.key())))
    };
    if user.is_some_and(|key| segment.included.contains(key)) || has(&segment.included_contexts) {
        return Some((true, "its key is included"));
    }
    if user.is_some_and(|key| segment.excluded.contains(key)) || has(&segment.excluded_contexts) {
        return Some((false, "its key is excluded"));
    }
    None
}

fn detail(node: &mut Node, why: &str) {
    if let Node::Segment(step) = node {
        why.clone_into(&mut step.detail);
    }
}

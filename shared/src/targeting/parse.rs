//! From JSON to the typed documents, as forgiving as the SDKs are unless told to be strict.

use super::algorithm::Algorithm;
use super::document::{
    Clause, FlagDocument, Op, Prerequisite, Rollout, Rule, SegmentDocument, SegmentRule, SegmentTarget,
    Serve, Target, Weighted,
};
use super::read::{Place, Reader};
use crate::fault::Fault;
use crate::json::Json;
use crate::project::ClientSideAvailability;

const ROOT: Place<'static> = Place::ROOT;

impl FlagDocument {
    /// Reads a flag as the server payload has it: missing and null members take their defaults,
    /// unknown members are ignored.
    ///
    /// # Errors
    /// Members of a wrong type, with pointers, and a missing key.
    pub fn parse(json: &Json) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(false);
        let document = flag(&mut reader, json);
        if document.key.is_empty() && reader.faults.is_empty() {
            reader.fault(&ROOT.member("key"), "is missing");
        }
        if reader.faults.is_empty() { Ok(document) } else { Err(reader.faults) }
    }
}

impl SegmentDocument {
    /// Reads a segment as the server payload has it: missing and null members take their defaults,
    /// unknown members are ignored.
    ///
    /// # Errors
    /// Members of a wrong type, with pointers, and a missing key.
    pub fn parse(json: &Json) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(false);
        let document = segment(&mut reader, json);
        if document.key.is_empty() && reader.faults.is_empty() {
            reader.fault(&ROOT.member("key"), "is missing");
        }
        if reader.faults.is_empty() { Ok(document) } else { Err(reader.faults) }
    }
}

/// Reads a flag's document, composed or as its author wrote it.
pub(super) fn flag(reader: &mut Reader, json: &Json) -> FlagDocument {
    reader.expect_object(json, &ROOT);
    let availability = match reader.object(json, "clientSideAvailability", &ROOT) {
        Some(given) => {
            let place = ROOT.member("clientSideAvailability");
            ClientSideAvailability {
                using_environment_id: reader.truth(given, "usingEnvironmentId", &place),
                using_mobile_key: reader.truth(given, "usingMobileKey", &place),
            }
        }
        None => ClientSideAvailability {
            using_environment_id: reader.truth(json, "clientSide", &ROOT),
            ..ClientSideAvailability::default()
        },
    };
    FlagDocument {
        key: reader.text(json, "key", &ROOT).unwrap_or_default(),
        version: reader.integer(json, "version", &ROOT).unwrap_or_default(),
        on: reader.truth(json, "on", &ROOT),
        prerequisites: reader.list(json, "prerequisites", &ROOT, |reader, json, place| {
            reader.expect_object(json, place);
            Prerequisite {
                key: reader.needed_text(json, "key", place),
                variation: reader.needed_integer(json, "variation", place),
            }
        }),
        targets: reader.list(json, "targets", &ROOT, target),
        context_targets: reader.list(json, "contextTargets", &ROOT, target),
        rules: reader.list(json, "rules", &ROOT, |reader, json, place| {
            reader.expect_object(json, place);
            Rule {
                id: reader.text(json, "id", place).unwrap_or_default(),
                clauses: reader.list(json, "clauses", place, clause),
                serve: serve(reader, json, place),
                track_events: reader.truth(json, "trackEvents", place),
            }
        }),
        fallthrough: match reader.object(json, "fallthrough", &ROOT) {
            Some(given) => serve(reader, given, &ROOT.member("fallthrough")),
            None => Serve::default(),
        },
        off_variation: reader.integer(json, "offVariation", &ROOT),
        algorithm: algorithm(reader, json, &ROOT),
        variations: reader.list(json, "variations", &ROOT, |_, json, _| json.clone()),
        salt: reader.text(json, "salt", &ROOT).unwrap_or_default(),
        availability,
        track_events: reader.truth(json, "trackEvents", &ROOT),
        track_events_fallthrough: reader.truth(json, "trackEventsFallthrough", &ROOT),
        debug_events_until_date: reader.integer(json, "debugEventsUntilDate", &ROOT),
        deleted: reader.truth(json, "deleted", &ROOT),
    }
}

/// Reads a segment's document, composed or as its author wrote it.
pub(super) fn segment(reader: &mut Reader, json: &Json) -> SegmentDocument {
    reader.expect_object(json, &ROOT);
    SegmentDocument {
        key: reader.text(json, "key", &ROOT).unwrap_or_default(),
        version: reader.integer(json, "version", &ROOT).unwrap_or_default(),
        included: reader.strings(json, "included", &ROOT),
        excluded: reader.strings(json, "excluded", &ROOT),
        included_contexts: reader.list(json, "includedContexts", &ROOT, segment_target),
        excluded_contexts: reader.list(json, "excludedContexts", &ROOT, segment_target),
        rules: reader.list(json, "rules", &ROOT, |reader, json, place| {
            reader.expect_object(json, place);
            reader.not_null(json, "weight", place);
            SegmentRule {
                id: reader.text(json, "id", place).unwrap_or_default(),
                clauses: reader.list(json, "clauses", place, clause),
                weight: reader.integer(json, "weight", place),
                bucket_by: reader.text(json, "bucketBy", place),
                rollout_context_kind: reader.text(json, "rolloutContextKind", place),
            }
        }),
        salt: reader.text(json, "salt", &ROOT).unwrap_or_default(),
        unbounded: reader.truth(json, "unbounded", &ROOT),
        unbounded_context_kind: reader.text(json, "unboundedContextKind", &ROOT),
        generation: reader.integer(json, "generation", &ROOT),
        deleted: reader.truth(json, "deleted", &ROOT),
    }
}

fn target(reader: &mut Reader, json: &Json, place: &Place<'_>) -> Target {
    reader.expect_object(json, place);
    reader.need(json, "values", place);
    Target {
        context_kind: reader.text(json, "contextKind", place),
        variation: reader.needed_integer(json, "variation", place),
        values: reader.strings(json, "values", place),
    }
}

fn segment_target(reader: &mut Reader, json: &Json, place: &Place<'_>) -> SegmentTarget {
    reader.expect_object(json, place);
    reader.need(json, "values", place);
    reader.need(json, "contextKind", place);
    SegmentTarget {
        context_kind: reader.text(json, "contextKind", place),
        values: reader.strings(json, "values", place),
    }
}

fn serve(reader: &mut Reader, json: &Json, place: &Place<'_>) -> Serve {
    let variation = reader.integer(json, "variation", place);
    let rollout = reader.object(json, "rollout", place).map(|json| {
        let place = &place.member("rollout");
        let kind = reader.text(json, "kind", place);
        if reader.strict && kind.as_deref().is_some_and(|kind| !matches!(kind, "rollout" | "experiment")) {
            reader.fault(&place.member("kind"), "must be \"rollout\" or \"experiment\"");
        }
        Rollout {
            experiment: kind.as_deref() == Some("experiment"),
            context_kind: reader.text(json, "contextKind", place),
            variations: reader.list(json, "variations", place, |reader, json, place| {
                reader.expect_object(json, place);
                Weighted {
                    variation: reader.needed_integer(json, "variation", place),
                    weight: reader.needed_integer(json, "weight", place),
                    untracked: reader.truth(json, "untracked", place),
                }
            }),
            seed: reader.integer(json, "seed", place),
            bucket_by: reader.text(json, "bucketBy", place),
            algorithm: algorithm(reader, json, place),
            group: reader.text(json, "group", place),
        }
    });
    Serve { variation, rollout, code_default: reader.truth(json, "codeDefault", place) }
}

/// Refused where it is unknown, by all: anything else would move everybody.
fn algorithm(reader: &mut Reader, json: &Json, place: &Place<'_>) -> Option<Algorithm> {
    let name = reader.text(json, "algorithm", place)?;
    let known = Algorithm::parse(&name);
    if known.is_none() {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|(name, _)| *name).collect();
        reader.fault(&place.member("algorithm"), format!("must be one of {}", names.join(", ")));
    }
    known
}

fn clause(reader: &mut Reader, json: &Json, place: &Place<'_>) -> Clause {
    reader.expect_object(json, place);
    reader.need(json, "values", place);
    let op = Op::parse(&reader.needed_text(json, "op", place));
    Clause {
        context_kind: reader.text(json, "contextKind", place),
        attribute: if op == Op::SegmentMatch {
            reader.text(json, "attribute", place).unwrap_or_default()
        } else {
            reader.needed_text(json, "attribute", place)
        },
        op,
        values: reader.list(json, "values", place, |_, json, _| json.clone()),
        negate: reader.truth(json, "negate", place),
    }
}

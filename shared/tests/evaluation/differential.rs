//! The same questions to LaunchDarkly's own engine: every difference is known by name.

use std::collections::{BTreeMap, HashMap};

use crate::exceptions::{ALL, Case};
use crate::generate::{Generated, references};
use crate::peer::{self, Answer, Peer};
use crate::world::{World, context, json};
use shared::context::{Context, Reference};
use shared::eval::{Ruleset, Store as _, evaluate};
use shared::json::Json;
use shared::targeting::{FlagDocument, SegmentDocument};

/// How many pairs are compared where nobody says otherwise.
const PAIRS: u64 = 100_000;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| {
        text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}"))
    })
}

/// What was found out on the way.
#[derive(Default)]
struct Tally {
    pairs: u64,
    excused: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.pairs += other.pairs;
        for (name, count) in other.excused {
            *self.excused.entry(name).or_default() += count;
        }
        for (name, count) in other.reasons {
            *self.reasons.entry(name).or_default() += count;
        }
    }
}

/// By keys and linked, which must be the same.
fn ours(world: &World, ruleset: &Ruleset, key: &str, context: &Context) -> Answer {
    let found = evaluate(world, world.flag(key).unwrap(), context);
    let linked = ruleset.evaluate_key(key, context).unwrap();
    assert_eq!(
        (linked.variation_index, linked.reason),
        (found.variation_index, found.reason),
        "{key} {context:?}"
    );
    Answer {
        index: found.variation_index.map(|index| i64::try_from(index).unwrap()),
        value: found.value().cloned(),
        reason: serde_json::to_value(found.reason).unwrap(),
    }
}

/// Compares every flag of one environment for every context.
fn compare(seed: u64, tally: &mut Tally) {
    let generated = Generated::new(seed);
    let mut world = World::default();
    let mut peer = Peer::default();
    let (mut flags, mut segments) = (HashMap::new(), HashMap::new());
    for (key, text) in &generated.flags {
        let document = json(text);
        flags.insert(key.clone(), FlagDocument::parse(&document).unwrap());
        peer.with(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        world = world.with(&document);
    }
    for (key, text) in &generated.segments {
        segments.insert(key.clone(), SegmentDocument::parse(&json(text)).unwrap());
        peer.with_segment(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        world = world.with_segment(text);
    }
    let ruleset = world.linked();
    for text in &generated.contexts {
        let who = context(text);
        let theirs_who = peer::context(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        for (key, _) in &generated.flags {
            let (mine, theirs) = (ours(&world, &ruleset, key, &who), peer.evaluate(key, &theirs_who));
            tally.pairs += 1;
            *tally.reasons.entry(mine.kind().to_owned()).or_default() += 1;
            if mine.agrees(&theirs) {
                continue;
            }
            let case = Case {
                flags: &flags,
                segments: &segments,
                key,
                context: &who,
                ours: &mine,
                theirs: &theirs,
                asked: &|key| ours(&world, &ruleset, key, &who),
            };
            let Some((name, _)) = ALL.into_iter().find(|(_, excuses)| excuses(&case)) else {
                let documents: Vec<&str> = generated
                    .flags
                    .iter()
                    .chain(&generated.segments)
                    .map(|(_, text)| text.as_str())
                    .collect();
                panic!(
                    "seed {seed}, flag {key}\nours   {} {:?}\ntheirs {} {:?}\ncontext {text}\n{}",
                    mine.told(),
                    mine.value,
                    theirs.told(),
                    theirs.value,
                    documents.join("\n")
                );
            };
            *tally.excused.entry(name).or_default() += 1;
        }
    }
}

#[test]
fn both_engines_answer_alike_but_for_what_is_known_by_name() {
    let pairs = from_environment("FLAGSTAFF_TEST_PAIRS", PAIRS);
    let first = from_environment("FLAGSTAFF_TEST_SEED", 1);
    // A few seconds on one core; millions take all cores.
    let threads =
        if pairs > 1_000_000 { std::thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let share = pairs.div_ceil(threads as u64);
        let running: Vec<_> = (0..threads as u64)
            .map(|thread| {
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    let mut seed = first + thread;
                    while tally.pairs < share {
                        compare(seed, &mut tally);
                        seed += threads as u64;
                    }
                    tally
                })
            })
            .collect();
        for one in running {
            all.add(one.join().unwrap());
        }
    });
    println!("{} pairs; {:?}; excused: {:?}", all.pairs, all.reasons, all.excused);
    assert!(all.pairs >= pairs);
    // Generated documents must be about something: every reason comes up, and no exception swallows much.
    for kind in ["OFF", "FALLTHROUGH", "TARGET_MATCH", "RULE_MATCH", "PREREQUISITE_FAILED", "ERROR"] {
        let share = all.reasons.get(kind).copied().unwrap_or_default() * 100 / all.pairs;
        assert!(share >= 1, "{kind} makes up {share} %: {:?}", all.reasons);
    }
    for (name, count) in &all.excused {
        assert!(count * 33 < all.pairs, "{name} excuses {count} of {}", all.pairs);
    }
    if pairs >= PAIRS {
        for (name, _) in ALL {
            assert!(all.excused.contains_key(name), "{name} never came up: {:?}", all.excused);
        }
    }
}

#[test]
fn both_find_the_same_value_at_a_reference() {
    let mut found = 0;
    for seed in 1..=200 {
        for text in Generated::new(seed).contexts {
            let (who, theirs) = (context(&text), peer::context(&text).unwrap());
            for reference in references() {
                for kind in ["user", "org", "device"] {
                    let mine = Reference::parse(reference)
                        .map_err(|_| ())
                        .map(|reference| who.of_kind(kind).and_then(|one| one.value(&reference)).cloned());
                    // A null is nothing to either, but theirs shows it below the top.
                    let theirs = peer::value(&theirs, kind, reference)
                        .map_err(|_| ())
                        .map(|value| value.filter(|value| *value != Json::Null));
                    let alike = match (&mine, &theirs) {
                        (Ok(Some(one)), Ok(Some(other))) => one.same_value(other),
                        (one, other) => one == other,
                    };
                    found += u32::from(matches!(mine, Ok(Some(_))));
                    assert!(alike, "{reference} of {kind} in {text}: {mine:?} {theirs:?}");
                }
            }
        }
    }
    assert!(found > 1000, "{found}");
}

//! Whatever bytes come, they are read or refused: the targets of the fuzzer, with mutated seeds.
//!
//! More inputs than 10,000 a target: `FLAGSTAFF_TEST_INPUTS=1000000`. `scripts/fuzz` feeds the same functions and
//! looks which inputs lead to new code.

// What the tests share stands outside of test functions, where the lints would ask for more.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../evaluation/dice.rs"]
mod dice;
#[path = "../evaluation/generate.rs"]
mod generate;
mod seeds;
mod targets;

use std::collections::BTreeSet;
use std::path::Path;

use dice::Dice;
use shared::context::Context;
use shared::eval::Documents;
use shared::json::Json;
use shared::query::Query;
use targets::{ALL, Target, run};

const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "-1",
    "1e999",
    "0.5",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "{\"a\":[",
    "~",
    "~0",
    "~2",
    "/",
    "\"kind\":\"multi\",",
    "\"key\":\"\",",
    "9007199254740993",
    "é",
];

/// The seed's bytes with a few things done to them.
fn mutated(dice: &mut Dice, seed: &str) -> Vec<u8> {
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(12)).min(bytes.len());
        match dice.below(5) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let piece = dice.pick(&PIECES).bytes();
                bytes.splice(at..end, piece);
            }
            2 => {
                let piece = dice.pick(&PIECES).bytes();
                bytes.splice(at..at, piece);
            }
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.below(256) as u8;
                }
            }
        }
    }
    bytes
}

/// Feeds a target, and shows the input that it does not stand.
fn feed(name: &str) {
    let target = ALL.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)();
    for seed in &seeds {
        (target.run)(seed.as_bytes());
    }
    let inputs: u32 = std::env::var("FLAGSTAFF_TEST_INPUTS").map_or(10_000, |text| text.parse().unwrap());
    let dice = &mut Dice::new(7);
    for _ in 0..inputs {
        let seed = dice.below(seeds.len());
        let bytes = mutated(dice, &seeds[seed]);
        if let Err(cause) = std::panic::catch_unwind(|| (target.run)(&bytes)) {
            println!("the input was {:?}", String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(cause);
        }
    }
}

#[test]
fn ten_thousand_payloads_are_evaluated_or_refused() {
    feed("payloads");
}

#[test]
fn ten_thousand_documents_are_evaluated_or_refused() {
    feed("documents");
}

#[test]
fn ten_thousand_contexts_are_read_or_refused() {
    feed("contexts");
}

#[test]
fn ten_thousand_contexts_in_paths_and_bodies_are_read_or_refused() {
    feed("base64_contexts");
}

#[test]
fn ten_thousand_references_are_read_or_refused_as_launchdarkly_does() {
    feed("references");
}

#[test]
fn ten_thousand_queries_are_answered_or_refused() {
    feed("queries");
}

#[test]
fn ten_thousand_texts_are_cut_read_and_written_as_they_were() {
    feed("json");
}

#[test]
fn ten_thousand_patches_and_merges_keep_their_laws() {
    feed("patches");
}

#[test]
fn what_is_too_deep_is_refused_without_a_stack() {
    for open in ["[", "{\"a\":", "(", "-"] {
        let deep = open.repeat(200_000);
        for Target { run, .. } in ALL {
            run(deep.as_bytes());
        }
    }
    assert_eq!(Documents::prepare(&Json::Null).unwrap_err().len(), 1);
}

#[test]
fn each_target_has_its_program_for_the_fuzzer() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let programs: BTreeSet<String> = std::fs::read_dir(fuzz.join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(programs, ALL.iter().map(|target| target.name.to_owned()).collect());
    for name in programs {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} is not in the manifest"
        );
        run(&name, b"");
    }
}

#[test]
fn seeds_lead_far_into_their_targets() {
    for text in seeds::queries() {
        assert!(Query::parse_knowing(&text, &["draft"]).is_ok(), "{text}");
    }
    let read =
        |texts: Vec<String>| texts.iter().filter(|text| Context::parse_sent(text.as_bytes()).is_ok()).count();
    assert!(read(seeds::contexts()) > 900 && read(seeds::base64_contexts()) > 200);
}

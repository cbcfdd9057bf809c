//! The targets of the ordinary tests for libFuzzer: the files stand once, in `shared/tests`.

// A target panics where a promise is broken: that is what is looked for.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../tests/evaluation/dice.rs"]
mod dice;
#[path = "../../tests/evaluation/generate.rs"]
mod generate;
#[path = "../../tests/hostile/seeds.rs"]
mod seeds;
#[path = "../../tests/hostile/targets/mod.rs"]
mod targets;

use std::path::Path;

pub use targets::run;

/// Writes the seeds of a target into the folder that `FLAGSTAFF_FUZZ_SEEDS` names, if it does, before libFuzzer reads it.
///
/// # Panics
/// They cannot be written.
pub fn write_seeds(name: &str) {
    let Some(folder) = std::env::var_os("FLAGSTAFF_FUZZ_SEEDS") else { return };
    for target in targets::ALL.iter().filter(|target| target.name == name) {
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            let file = Path::new(&folder).join(format!("seed-{number}"));
            std::fs::write(&file, seed).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
}

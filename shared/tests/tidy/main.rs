//! The house is tidy: who may import whom, no circles, no long files, a first line everywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test should say where; clippy knows only the test functions themselves"
)]

mod paths;
mod rules;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a parent").to_path_buf()
}

/// Every Rust file under a folder, as its path below it and its text.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(folder).expect("below").display().to_string();
                found.insert(name, fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    found
}

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "{} things are untidy:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_file_is_short_says_what_it_is_for_and_has_a_name_of_its_own() {
    let mut faults = Vec::new();
    for member in ["shared", "daemon", "tui"] {
        for folder in ["src", "tests", "fuzz/src", "fuzz/fuzz_targets"] {
            for (name, text) in files(&root().join(member).join(folder)) {
                faults.extend(rules::file(&format!("{member}/{folder}/{name}"), &text));
            }
        }
    }
    complain(&faults);
}

#[test]
fn imports_point_where_the_architecture_lets_them() {
    let mut faults = Vec::new();
    for member in ["shared", "daemon", "tui"] {
        for (name, text) in files(&root().join(member).join("src")) {
            faults.extend(rules::arrows(member, &name, &text));
        }
    }
    complain(&faults);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut faults = Vec::new();
    for member in ["shared", "daemon", "tui"] {
        faults.extend(rules::circles(member, &files(&root().join(member).join("src"))));
    }
    complain(&faults);
}

#[test]
fn a_folder_is_ground_or_roof_and_says_which() {
    let mut faults = Vec::new();
    for member in ["shared", "daemon", "tui"] {
        faults.extend(rules::folders(member, &files(&root().join(member).join("src"))));
    }
    complain(&faults);
}

//! The manual is as the program is.

use flagstaff::app::manual;
use std::path::Path;

#[test]
fn the_manual_of_keys_is_as_the_actions_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/TUI.md");
    let made = manual::markdown();
    if std::env::var_os("FLAGSTAFF_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/TUI.md is old: FLAGSTAFF_BLESS=1 cargo test -p flagstaff --test pure manual");
}

#[test]
fn every_context_of_keys_has_a_heading() {
    for context in manual::contexts() {
        assert!(manual::CONTEXTS.iter().any(|(known, _)| *known == context), "{context} has no heading");
    }
}

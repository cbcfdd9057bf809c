//! The rules themselves, each tried on small trees that break it.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{children, code, inward, lands, module, paths};

const LONGEST: usize = 600;
const WIDEST: usize = 100;
/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "helpers", "common", "misc", "manager"];

/// What is wrong with a file by itself.
pub fn file(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST {
        faults.push(format!("{name} has {lines} lines; {LONGEST} is the most"));
    }
    match text.lines().next() {
        Some(first) if first.starts_with("//! ") && first.len() > 5 => {
            if first.chars().count() > WIDEST {
                faults.push(format!("{name}: the first line is wider than {WIDEST} columns"));
            }
        }
        _ => faults.push(format!("{name} does not begin with `//! ` and its one reason to exist")),
    }
    for part in name.trim_end_matches(".rs").split('/') {
        if part.split('_').any(|word| EMPTY_NAMES.contains(&word)) {
            faults.push(format!("{name}: {part} says nothing of what is inside"));
        }
    }
    if text.contains("pub use ") && code(text).contains("pub use ") && code(text).contains("::*;") {
        for statement in code(text).split(';').filter(|s| s.contains("pub use ") && s.ends_with("::*")) {
            faults.push(format!("{name} re-exports everything: {}", statement.trim()));
        }
    }
    faults
}

/// The layers of `shared`, from left to right; a room imports those left of it, and its own layer.
const LAYERS: [&[&str]; 6] = [
    &["fault", "json", "key", "revision"],
    &["context", "targeting", "project", "access"],
    &["flag", "segment"],
    &["read", "evaluated", "promotion", "system_config", "import", "change", "query"],
    &["audit"],
    &["eval", "api"],
];

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// What each room of the daemon never imports: other rooms, and crates.
const NEVER: [(&str, &[&str], &[&str]); 9] = [
    ("store", &["service", "live", "http", "protocol", "import", "net", "app"], &["axum"]),
    ("live", &["service", "http", "protocol", "import", "net", "app"], &["axum"]),
    ("service", &["live", "http", "protocol", "net", "app"], &["axum", "http", "hyper"]),
    ("usage", &["service", "live", "http", "protocol", "import", "net", "app", "config"], &["axum", "http"]),
    (
        "protocol",
        &["service", "live", "http", "import", "net", "app", "store", "config", "clock", "postgres"],
        &["axum", "sqlx", "tokio"],
    ),
    ("http", &["app", "postgres"], &["sqlx"]),
    ("net", &["service", "live", "http", "store", "app", "postgres"], &["sqlx"]),
    ("postgres", &["service", "live", "http", "net", "app"], &["axum"]),
    ("config", &["service", "live", "http", "net", "store", "app"], &["axum", "sqlx", "tokio"]),
];

/// The rooms of the terminal that stay pure.
const PURE: [&str; 3] = ["app", "screens", "widgets"];

/// The imports of a file that point the wrong way.
pub fn arrows(member: &str, name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("{member}/src/{name} {what}"));
    let code = code(text);
    let here = module(name);
    let Some(room) = here.first() else { return faults };
    let outside = |krate: &str| !paths(&code, &BTreeSet::from([krate.to_owned()])).is_empty();
    let inside = inward(name, text);
    match member {
        "shared" => {
            for path in &inside {
                let Some(other) = path.first().filter(|other| *other != room) else { continue };
                let (Some(mine), Some(theirs)) = (layer(room), layer(other)) else {
                    fault(format!("or {other} has no layer: name it in the test of the house's order"));
                    continue;
                };
                if theirs > mine {
                    fault(format!("imports {}, which lies to its right", path.join("::")));
                }
            }
            for krate in ["axum", "reqwest", "sqlx", "tokio", "rand", "flagstaffd"] {
                if outside(krate) {
                    fault(format!("imports {krate}"));
                }
            }
        }
        "daemon" => {
            if let Some((_, rooms, crates)) = NEVER.iter().find(|(r, ..)| r == room) {
                for path in &inside {
                    if path.first().is_some_and(|other| rooms.contains(&other.as_str())) {
                        fault(format!("imports {}", path.join("::")));
                    }
                }
                // A bare `http::` is the crate, but for files of the room of that name.
                for krate in crates.iter().filter(|k| *k != room) {
                    if outside(krate) {
                        fault(format!("imports the crate {krate}"));
                    }
                }
            }
            if room == "http" {
                for path in inside.iter().filter(|p| p.first().is_some_and(|r| r == "store")) {
                    let last = path.last().map_or("", String::as_str);
                    if !path.iter().any(|part| part.starts_with(|c: char| c.is_ascii_uppercase())) {
                        fault(format!("uses the store's {last}: only its types are for handlers"));
                    }
                }
            }
        }
        _ => {
            if outside("flagstaffd") {
                fault("imports the daemon".to_owned());
            }
            if PURE.contains(&room.as_str()) {
                for path in &inside {
                    if path.first().is_some_and(|r| ["client", "clock", "runtime"].contains(&r.as_str())) {
                        fault(format!("imports {}", path.join("::")));
                    }
                }
                if outside("tokio") {
                    fault("imports tokio".to_owned());
                }
            }
            if room == "screens" && here.len() > 1 {
                for path in inside.iter().filter(|p| p.first().is_some_and(|r| r == "screens")) {
                    let another = path.get(1).filter(|s| Some(*s) != here.get(1));
                    if another.is_some_and(|s| s.starts_with(|c: char| c.is_lowercase())) {
                        fault(format!("imports another screen: {}", path.join("::")));
                    }
                }
            }
        }
    }
    faults
}

/// The ways around, where files of a crate import each other.
pub fn circles(member: &str, files: &BTreeMap<String, String>) -> Vec<String> {
    let modules: BTreeMap<Vec<String>, String> =
        files.keys().filter(|n| *n != "lib.rs").map(|n| (module(n), n.clone())).collect();
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, text) in files.iter().filter(|(n, _)| *n != "lib.rs") {
        for path in inward(name, text) {
            if let Some(other) = lands(&path, &modules).filter(|other| other != name) {
                graph.entry(name).or_default().insert(other);
            }
        }
    }
    // What cannot reach itself is taken away until only circles (and what leads to them) are left.
    loop {
        let rest: BTreeSet<&str> = graph.keys().copied().collect();
        let before = graph.values().map(BTreeSet::len).sum::<usize>();
        for others in graph.values_mut() {
            others.retain(|other| rest.contains(other));
        }
        graph.retain(|_, others| !others.is_empty());
        if graph.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let Some(start) = graph.keys().next().copied() else { return Vec::new() };
    let mut way = vec![start];
    loop {
        let here = way[way.len() - 1];
        let Some(next) = graph.get(here).and_then(|others| others.first().copied()) else { break };
        if let Some(again) = way.iter().position(|w| *w == next) {
            way.push(next);
            way.drain(..again);
            break;
        }
        way.push(next);
    }
    vec![format!("{member}/src: these import each other: {}", way.join(" -> "))]
}

/// Every `mod.rs` is GROUND or ROOF, says so in its first paragraph, and a ROOF is imported by no child.
pub fn folders(member: &str, files: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, text) in files.iter().filter(|(n, _)| n.ends_with("mod.rs")) {
        let head: String = text.lines().take_while(|l| l.starts_with("//!")).collect();
        let (ground, roof) = (head.contains("GROUND"), head.contains("ROOF"));
        if ground == roof {
            faults.push(format!("{member}/src/{name} does not say whether it is GROUND or ROOF"));
        }
        if !roof {
            continue;
        }
        let here = module(name);
        let known = children(&code(text));
        for (child, text) in files.iter().filter(|(n, _)| n.starts_with(name.trim_end_matches("mod.rs"))) {
            let uses = inward(child, text).into_iter().any(|path| {
                path.len() > here.len() && path.starts_with(&here) && !known.contains(&path[here.len()])
            });
            if child != name && uses {
                faults.push(format!("{member}/src/{name} is a ROOF, and {child} imports it"));
            }
        }
    }
    faults
}

fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect()
}

#[test]
fn a_long_file_an_empty_name_and_a_missing_first_line_are_found() {
    assert!(file("a/flags.rs", "//! Flags.\nuse x::y;\n").is_empty());
    assert_eq!(file("a/flags.rs", "use x;\n").len(), 1);
    assert_eq!(file("a/flags.rs", &format!("//! {}\n", "x".repeat(98))).len(), 1);
    assert_eq!(file("a/flags.rs", &format!("//! Flags.\n{}", "\n".repeat(600))).len(), 1);
    assert_eq!(file("a/flag_utils.rs", "//! Flags.\n").len(), 1);
    assert_eq!(file("helpers/flag.rs", "//! Flags.\n").len(), 1);
    assert_eq!(file("a/flags.rs", "//! Flags.\npub use x::*;\n").len(), 1);
}

#[test]
fn arrows_the_wrong_way_are_found_in_each_room() {
    let wrong = [
        ("daemon", "store/flags.rs", "use crate::service::Cx;"),
        ("daemon", "live/follow.rs", "use crate::service::{Cx};"),
        ("daemon", "service/flags.rs", "fn f() { crate::live::catalog::x() }"),
        ("daemon", "service/flags.rs", "use axum::Router;"),
        ("daemon", "service/flags.rs", "use http::StatusCode;"),
        ("daemon", "service/flags.rs", "use super::super::http::AppState;"),
        ("daemon", "protocol/ofrep.rs", "use crate::store::Stamp;"),
        ("daemon", "http/admin/flags.rs", "use sqlx::PgPool;"),
        ("daemon", "http/admin/flags.rs", "use crate::store::audit;"),
        ("daemon", "http/admin/flags.rs", "fn f() { crate::store::flags::find(x) }"),
        ("shared", "flag.rs", "use crate::eval::Reason;"),
        ("shared", "access.rs", "use crate::change::Mutation;"),
        ("shared", "key.rs", "use tokio::fs;"),
        ("shared", "nobody.rs", "use crate::key::FlagKey;"),
        ("tui", "screens/flags.rs", "use crate::screens::audit::Audit;"),
        ("tui", "screens/flags.rs", "use super::audit::Audit;"),
        ("tui", "app.rs", "use tokio::time;"),
        ("tui", "widgets/table.rs", "use crate::client::Client;"),
        ("tui", "main.rs", "use flagstaffd::app;"),
    ];
    for (member, name, text) in wrong {
        assert_eq!(arrows(member, name, text).len(), 1, "{member}/{name}: {text}");
    }
    let right = [
        ("daemon", "http/admin/flags.rs", "use crate::store::{Stored, audit::Entry}; use http::StatusCode;"),
        ("daemon", "service/flags.rs", "use crate::store; use sqlx::PgConnection; // crate::live"),
        ("shared", "eval/walk.rs", "use crate::flag::Flag; use super::reason::Reason;"),
        ("tui", "screens/flags.rs", "use super::Screen; use crate::widgets::table::Table;"),
    ];
    for (member, name, text) in right {
        assert_eq!(arrows(member, name, text), Vec::<String>::new(), "{member}/{name}: {text}");
    }
}

#[test]
fn a_circle_is_told_as_the_way_around() {
    let round = tree(&[
        ("a/mod.rs", "pub mod b;\npub mod c;\nfn f() { b::x() }"),
        ("a/b.rs", "use super::c::X;"),
        ("a/c.rs", "use crate::a::Y;"),
        ("d.rs", "use crate::a::b::x;"),
    ]);
    let told = circles("daemon", &round);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("a/b.rs -> a/c.rs -> a/mod.rs -> a/b.rs"), "{told:?}");
    let straight = tree(&[
        ("a/mod.rs", "pub mod b;\npub mod c;"),
        ("a/b.rs", "use super::{Y, c::X};"),
        ("a/c.rs", "use crate::a::Y;"),
    ]);
    assert!(circles("daemon", &straight).is_empty());
}

#[test]
fn a_folder_that_is_neither_or_both_is_found() {
    assert_eq!(folders("x", &tree(&[("a/mod.rs", "//! Things.\n")])).len(), 1);
    assert_eq!(folders("x", &tree(&[("a/mod.rs", "//! GROUND and ROOF.\n")])).len(), 1);
    let both = tree(&[("a/mod.rs", "//! ROOF: all.\nmod b;\nstruct T;"), ("a/b.rs", "use super::T;")]);
    assert_eq!(folders("x", &both).len(), 1);
    let roof = tree(&[("a/mod.rs", "//! ROOF: all.\nmod b;\nmod c;"), ("a/b.rs", "use super::c::T;")]);
    assert!(folders("x", &roof).is_empty());
}

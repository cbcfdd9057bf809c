//! Every action: reachable, named, on keys of its own, and never a write without a plan.

use crate::support::answers;
use flagstaff::action::{Action, GLOBAL, MOVEMENT, Risk};
use flagstaff::app::registry;
use flagstaff::keymap::{Chord, EATEN, chord};
use flagstaff::world::Settings;
use std::collections::{BTreeMap, BTreeSet};

/// The contexts whose keys work beside those of a screen that takes commands.
const EVERYWHERE: [&str; 5] = ["move", "filter", "copy", "go", "global"];

fn chords(action: &Action) -> Vec<Chord> {
    action.keys.iter().map(|keys| chord(keys).unwrap_or_else(|why| panic!("{}: {why}", action.id))).collect()
}

/// Contexts of screens in which text is always typed: their keys are looked up before those of text, and no others.
fn types_text(actions: &[&Action]) -> bool {
    let plain = |keys: &Chord| keys[0].typed().is_some();
    actions.iter().any(|a| a.keys.contains(&"esc"))
        && !actions.iter().flat_map(|a| chords(a)).any(|k| plain(&k))
}

#[test]
fn every_action_is_named_explained_and_there_once() {
    let mut ids = BTreeSet::new();
    for action in registry::actions() {
        assert!(ids.insert(action.id), "{} is there twice", action.id);
        assert!(action.id.contains('.') && action.id.to_lowercase() == action.id, "{}", action.id);
        assert!((2..40).contains(&action.title.len()), "{}: {:?}", action.id, action.title);
        assert!(action.help.len() > 8 && action.help.ends_with('.'), "{}: {:?}", action.id, action.help);
        assert!(action.help.chars().next().is_some_and(|c| !c.is_lowercase()), "{}", action.id);
        assert!(!action.keys.is_empty(), "{} has no key", action.id);
        assert_eq!(registry::action(action.id).map(|a| a.id), Some(action.id));
    }
    assert!(ids.len() > 100, "{} actions", ids.len());
}

#[test]
fn no_action_is_on_a_key_that_terminals_eat_or_that_needs_alt() {
    for action in registry::actions() {
        for (keys, chord) in action.keys.iter().zip(chords(action)) {
            for part in keys.split(' ') {
                assert!(!EATEN.contains(&part), "{}: {part} does not reach programs", action.id);
            }
            for press in chord {
                assert!(!press.alt, "{}: {keys}", action.id);
                assert!(!press.shift, "{}: {keys} differs between terminals", action.id);
            }
        }
        // Where text is typed, the help on f1 runs them too.
        let functions = action.keys.iter().filter(|k| k.len() > 1 && k.starts_with('f')).count();
        let typed = ["text", "editor"].contains(&action.context());
        assert!(typed || functions < action.keys.len(), "{}: only on a function key", action.id);
    }
}

/// Where a screen's key takes the place of one that works everywhere, on purpose: the screen does the same thing in
/// its own way.
const OVERRIDES: [&str; 0] = [];

#[test]
fn within_each_context_no_key_has_two_meanings() {
    let mut contexts: BTreeMap<&str, Vec<&Action>> = BTreeMap::new();
    for action in registry::actions() {
        contexts.entry(action.context()).or_default().push(action);
    }
    let everywhere: Vec<&Action> =
        EVERYWHERE.iter().filter_map(|c| contexts.get(c)).flatten().copied().collect();
    let mut wrong = Vec::new();
    for (context, own) in &contexts {
        let all: Vec<&Action> = if EVERYWHERE.contains(context) {
            everywhere.clone()
        } else if *context == "text" || types_text(own) {
            own.clone()
        } else {
            own.iter().chain(&everywhere).copied().collect()
        };
        let mut taken: BTreeMap<Chord, &str> = BTreeMap::new();
        for action in &all {
            for keys in chords(action) {
                let other = taken.insert(keys.clone(), action.id);
                if let Some(other) = other.filter(|other| *other != action.id)
                    && !OVERRIDES.contains(&action.id)
                    && !OVERRIDES.contains(&other)
                {
                    wrong.push(format!("in {context}: {} is {other} and {}", keys[0], action.id));
                }
            }
        }
        // A key that begins a chord is not a command itself: one of both could never be reached.
        for (keys, id) in &taken {
            if let Some((_, other)) = taken.iter().find(|(k, _)| k.len() > keys.len() && k[0] == keys[0]) {
                wrong.push(format!("in {context}: {} is {id} and begins {other}", keys[0]));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_palette_of_a_screen_holds_every_action_of_that_screen_and_of_everywhere() {
    for screen in crate::support::places::all() {
        let mut session = screen.open((100, 30), Settings::default());
        let entries = session.app.entries();
        let there: BTreeSet<&str> = entries.iter().map(|e| e.action.id).collect();
        for action in GLOBAL.iter().chain(MOVEMENT).chain(registry::COPY) {
            assert!(there.contains(action.id), "{}: {} is missing", screen.name, action.id);
        }
        let own: BTreeSet<&str> = entries.iter().filter(|e| e.here).map(|e| e.action.context()).collect();
        assert_eq!(own.len(), 1, "{}: its actions are of {own:?}", screen.name);
        // The footer names nothing that the palette does not hold.
        let wanted = own.first().copied().unwrap();
        for action in registry::actions().into_iter().filter(|a| a.context() == wanted) {
            assert!(there.contains(action.id), "{}: {} is missing", screen.name, action.id);
        }
        for entry in &entries {
            if let Some(why) = &entry.disabled {
                assert!(why.len() > 5, "{}: {} is disabled without a reason", screen.name, entry.action.id);
            }
        }
        session.keys(&["f1"]);
    }
}

#[test]
fn every_context_belongs_to_a_screen_that_can_be_opened() {
    let mut opened: BTreeSet<&str> =
        ["text", "filter", "move", "go", "global", "copy", "help", "review", "conflict"].into();
    for screen in crate::support::places::all() {
        let session = screen.open((100, 30), Settings::default());
        opened.extend(session.app.entries().iter().filter(|e| e.here).map(|e| e.action.context()));
    }
    // A screen that can only be closed is one that does not exist yet.
    let count = |context| registry::actions().iter().filter(|a| a.context() == context).count();
    let all: BTreeSet<&str> =
        registry::actions().iter().map(|a| a.context()).filter(|context| count(*context) > 1).collect();
    let missing: Vec<&&str> = all.difference(&opened).collect();
    assert!(missing.is_empty(), "no screen was opened that has {missing:?}");
}

#[test]
fn an_action_that_changes_something_is_planned_before_anything_is_written() {
    let mut begun = BTreeSet::new();
    for screen in crate::support::places::all() {
        let actions: Vec<&Action> = {
            let session = screen.open((100, 30), Settings::default());
            session.app.entries().iter().filter(|e| e.here).map(|e| e.action).collect()
        };
        for action in actions.iter().filter(|a| a.risk > Risk::Reads) {
            let mut session = screen.open((100, 30), Settings::default());
            session.keys(&["!"]);
            assert!(session.wrote.is_empty(), "{} writes when it is opened", screen.name);
            let asked: Vec<String> = session.app.world.log.iter().map(|line| line.what.clone()).collect();
            session.press(action.keys[0]);
            assert!(session.wrote.is_empty(), "{}: {} writes at once", screen.name, action.id);
            let new: Vec<&str> =
                session.app.world.log.iter().map(|l| l.what.as_str()).skip(asked.len()).collect();
            for request in &new {
                let (method, path) = request.split_once(' ').unwrap();
                let planned = path.contains("dryRun=true");
                assert!(method == "GET" || planned || path == "/api/evaluate", "{}: {request}", action.id);
                if planned {
                    begun.insert(action.id);
                }
            }
            session.settle();
            for (_, apply) in &session.wrote {
                assert!(
                    apply.request().path.contains("planHash="),
                    "{}: {}",
                    action.id,
                    apply.request().path
                );
                assert!(apply.request().idempotency_key.is_some(), "{}", action.id);
            }
        }
    }
    assert!(begun.contains("flags.toggle") && begun.contains("flags.archive"), "{begun:?}");
    println!("{} actions ask for a plan at once: {begun:?}", begun.len());
    assert!(answers::at().year() > 2000);
}

#[test]
fn what_an_action_says_about_the_command_line_is_taken_by_it() {
    let (mut said, mut wrong) = (0, Vec::new());
    for action in registry::actions().into_iter().filter(|a| !a.cli.is_empty()) {
        // Words in capitals stand for what the reader puts there.
        let words: Vec<String> = action
            .cli
            .split(' ')
            .map(|word| match word {
                "PERCENT" => "25".to_owned(),
                "N" | "REVISION" | "REV" => "12".to_owned(),
                "FILE" => "/dev/null".to_owned(),
                "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => word.to_owned(),
                word if word.len() > 1
                    && word.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '_') =>
                {
                    "some-key".to_owned()
                }
                word => word.to_owned(),
            })
            .collect();
        assert_eq!(words[0], "flagstaff", "{}: {}", action.id, action.cli);
        if let Err(error) = flagstaff::cli::command().try_get_matches_from(&words) {
            let error = error.to_string();
            wrong.push(format!(
                "{}: {}: {}",
                action.id,
                action.cli,
                error.lines().next().unwrap_or_default()
            ));
        }
        said += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(said > 10, "only {said} actions say what they are on the command line");
}

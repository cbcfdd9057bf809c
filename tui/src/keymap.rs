//! Which keys do what: the actions' own keys, changed by a key file, looked up by context.

use crate::action::Action;
use crate::key::Press;
use std::collections::{BTreeMap, HashMap};

/// One or two keys in a row.
pub type Chord = Vec<Press>;

/// Actions of which no key can be taken away: without them nobody gets out.
pub const FIXED: [&str; 4] = ["global.escape", "global.cancel", "global.help", "global.lock"];

/// Keys that terminals, tmux or the line discipline take for themselves, or give for another key.
pub const EATEN: [&str; 9] =
    ["ctrl-h", "ctrl-i", "ctrl-j", "ctrl-m", "ctrl-[", "ctrl-space", "ctrl-q", "ctrl-\\", "ctrl-b"];

/// The keys of all actions.
#[derive(Clone, Debug, Default)]
pub struct Keymap {
    bound: HashMap<&'static str, HashMap<Chord, &'static str>>,
    keys: BTreeMap<&'static str, Vec<Chord>>,
}

/// What a key means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This action.
    Action(&'static str),
    /// The first key of a chord: each second key, with its action.
    Prefix(Vec<(Press, &'static str)>),
    /// Nothing.
    Nothing,
}

/// Something wrong in a key file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {name}: {detail}")]
pub struct KeyFault {
    /// The line, from 1.
    pub line: usize,
    /// The action or context.
    pub name: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Keymap {
    /// The keys as the actions name them.
    #[must_use]
    pub fn new(actions: &[&'static Action]) -> Self {
        let mut map = Self::default();
        for action in actions {
            let chords = action.keys.iter().filter_map(|keys| chord(keys).ok()).collect();
            map.bind(action, chords);
        }
        map
    }

    fn bind(&mut self, action: &'static Action, chords: Vec<Chord>) {
        let context = self.bound.entry(action.context()).or_default();
        context.retain(|_, id| *id != action.id);
        for chord in &chords {
            context.insert(chord.clone(), action.id);
        }
        self.keys.insert(action.id, chords);
    }

    /// What `press` means after `before`, in the first of these contexts that knows it.
    #[must_use]
    pub fn find(&self, contexts: &[&str], before: Option<Press>, press: Press) -> Found {
        let mut chord: Chord = before.into_iter().collect();
        chord.push(press);
        let mut seconds: Vec<(Press, &'static str)> = Vec::new();
        for context in contexts {
            let Some(bound) = self.bound.get(context) else { continue };
            if let Some(id) = bound.get(&chord)
                && seconds.is_empty()
            {
                return Found::Action(id);
            }
            for (keys, id) in bound {
                if let (1, [first, second]) = (chord.len(), keys.as_slice())
                    && *first == press
                    && !seconds.iter().any(|(known, _)| known == second)
                {
                    seconds.push((*second, id));
                }
            }
        }
        if seconds.is_empty() {
            return Found::Nothing;
        }
        seconds.sort();
        Found::Prefix(seconds)
    }

    /// The keys of an action as people read them: `ctrl-d`, `g f`; empty when it has none.
    #[must_use]
    pub fn keys(&self, id: &str) -> String {
        self.chords(id).join(", ")
    }

    /// The first key of an action, for the footer.
    #[must_use]
    pub fn key(&self, id: &str) -> String {
        self.chords(id).into_iter().next().unwrap_or_default()
    }

    fn chords(&self, id: &str) -> Vec<String> {
        self.keys.get(id).map(|chords| chords.iter().map(|chord| shown(chord)).collect()).unwrap_or_default()
    }

    /// Reads a key file: `[flags] toggle = ["space"]`, `none` for no key. What is wrong keeps its own keys.
    pub fn load(&mut self, text: &str, actions: &[&'static Action]) -> Vec<KeyFault> {
        let mut faults = Vec::new();
        let table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                return vec![KeyFault { line, name: "file".to_owned(), detail: error.message().to_owned() }];
            }
        };
        for (context, bindings) in &table {
            let Some(bindings) = bindings.as_table() else {
                let line = line_at(text, context, None);
                let detail = format!("is no section: write [{context}] and under it action = [\"key\"]");
                faults.push(KeyFault { line, name: context.clone(), detail });
                continue;
            };
            for (name, value) in bindings {
                let id = format!("{context}.{name}");
                let line = line_at(text, context, Some(name));
                match self.override_one(&id, value, actions) {
                    Ok(()) => {}
                    Err(detail) => faults.push(KeyFault { line, name: id, detail }),
                }
            }
        }
        faults
    }

    fn override_one(
        &mut self,
        id: &str,
        value: &toml::Value,
        actions: &[&'static Action],
    ) -> Result<(), String> {
        let Some(action) = actions.iter().find(|a| a.id == id) else {
            let near = actions
                .iter()
                .map(|a| (strsim::jaro_winkler(a.id, id), a.id))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map_or("", |(_, near)| near);
            return Err(format!("there is no such action; the nearest is {near}"));
        };
        let words: Vec<&str> = match value {
            toml::Value::String(word) if word == "none" => Vec::new(),
            toml::Value::String(word) => vec![word],
            toml::Value::Array(words) => words.iter().filter_map(toml::Value::as_str).collect(),
            _ => return Err("wants a key, a list of keys, or \"none\"".to_owned()),
        };
        if words.is_empty() && FIXED.contains(&id) {
            return Err("keeps its key: without it nobody finds the way out".to_owned());
        }
        let mut chords = Vec::new();
        for word in words {
            if word.split(' ').any(|part| EATEN.contains(&part)) {
                return Err(format!("{word} does not reach programs in many terminals; choose another key"));
            }
            chords.push(chord(word)?);
        }
        let near = |context: &str| {
            context == action.context() || ["global", "move", "go", "copy"].contains(&context)
        };
        for chord in &chords {
            let taken = self
                .bound
                .iter()
                .filter(|(context, _)| near(context) || ["global", "move"].contains(&action.context()))
                .find_map(|(_, bound)| bound.get(chord).filter(|other| **other != id));
            if let Some(other) = taken {
                return Err(format!("{} is {other} already", shown(chord)));
            }
        }
        self.bind(action, chords);
        Ok(())
    }
}

/// Reads one key, or two in a row.
///
/// # Errors
/// Which part is no key.
pub fn chord(text: &str) -> Result<Chord, String> {
    let presses: Result<Chord, String> = text
        .split(' ')
        .map(|part| part.parse::<Press>().map_err(|_| format!("{part:?} is not the name of a key")))
        .collect();
    match presses {
        Ok(chord) if (1..=2).contains(&chord.len()) => Ok(chord),
        Ok(_) => Err(format!("{text:?} has more than two keys")),
        Err(error) => Err(error),
    }
}

fn shown(chord: &[Press]) -> String {
    chord.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// The line of a section, or of a name in it.
fn line_at(text: &str, section: &str, name: Option<&str>) -> usize {
    let mut inside = false;
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']', ' ']) == section;
            if inside && name.is_none() {
                return n + 1;
            }
        } else if let Some(name) = name
            && inside
            && line.split('=').next().map(|key| key.trim().trim_matches('"')) == Some(name)
        {
            return n + 1;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{GLOBAL, MOVEMENT};

    fn all() -> Vec<&'static Action> {
        MOVEMENT.iter().chain(GLOBAL).collect()
    }

    fn press(text: &str) -> Press {
        text.parse().unwrap()
    }

    #[test]
    fn a_chord_shows_what_can_follow_and_then_acts() {
        let map = Keymap::new(&all());
        let Found::Prefix(seconds) = map.find(&["move", "global", "go"], None, press("g")) else {
            panic!("g begins chords");
        };
        assert!(seconds.contains(&(press("f"), "go.flags")));
        assert!(seconds.contains(&(press("g"), "move.first")));
        assert_eq!(
            map.find(&["move", "global", "go"], Some(press("g")), press("a")),
            Found::Action("go.audit")
        );
        assert_eq!(map.find(&["move", "global", "go"], Some(press("g")), press("x")), Found::Nothing);
    }

    #[test]
    fn a_key_file_changes_a_key_and_its_faults_are_named_with_their_line() {
        let mut map = Keymap::new(&all());
        let text = "[global]\nhelp = \"none\"\nbakc = \"b\"\nback = [\"Q\"]\n\n[move]\ndown = \"ctrl-j\"\nup = \"l\"\n";
        let faults = map.load(text, &all());
        let lines: Vec<(usize, &str)> = faults.iter().map(|f| (f.line, f.name.as_str())).collect();
        assert_eq!(lines.len(), 4, "{faults:?}");
        assert!(lines.contains(&(2, "global.help")));
        assert!(lines.contains(&(3, "global.bakc")));
        assert!(lines.contains(&(7, "move.down")));
        assert!(lines.contains(&(8, "move.up")));
        assert!(
            faults.iter().any(|f| f.detail.contains("global.back")),
            "the nearest name is given: {faults:?}"
        );
        assert_eq!(map.find(&["global"], None, press("Q")), Found::Action("global.back"));
        assert_eq!(map.find(&["global"], None, press("q")), Found::Nothing);
        assert_eq!(
            map.find(&["move"], None, press("j")),
            Found::Action("move.down"),
            "the wrong line keeps its key"
        );
    }

    #[test]
    fn no_key_of_an_action_is_one_that_terminals_eat() {
        for action in all() {
            for keys in action.keys {
                assert!(chord(keys).is_ok(), "{}: {keys}", action.id);
                assert!(!EATEN.contains(keys), "{}: {keys}", action.id);
            }
        }
    }
}

//! The manual of keys, as Markdown, made from the list of actions.

use super::registry;
use crate::action::{Action, GLOBAL, MOVEMENT, Risk, TEXT};
use crate::keymap::Keymap;
use std::fmt::Write as _;

/// What the contexts are called, in the order of the manual. A context that is missing here fails a test.
pub const CONTEXTS: &[(&str, &str)] = &[
    ("global", "Everywhere"),
    ("go", "Going to a screen"),
    ("move", "Moving"),
    ("copy", "Copying"),
    ("text", "While text is typed"),
    ("flags", "Flags"),
    ("flag", "One flag"),
    ("why", "Why a context gets it"),
    ("rollout", "Rollout"),
    ("rule", "Targeting rule"),
    ("new-flag", "New flag"),
    ("promote", "Promote"),
    ("review", "Review"),
    ("editor", "JSON editor"),
    ("conflict", "Conflict"),
    ("drafts", "Drafts"),
    ("audit", "Audit feed"),
    ("history", "History"),
    ("undo", "Undo"),
    ("segments", "Segments"),
    ("new-segment", "New segment"),
    ("members", "Members of a segment"),
    ("environments", "Environments"),
    ("environment", "One environment"),
    ("credentials", "SDK credentials"),
    ("credential", "One credential"),
    ("compare", "Compare"),
    ("health", "Health"),
    ("connect", "Profiles"),
    ("profile", "One profile"),
    ("help", "Help, commands, jump"),
    ("log", "Command log"),
];

/// What stands before the tables.
const BEFORE: &str = "\
# The terminal

Made from the program's own list of actions by `cargo test -p flagstaff --test pure manual`; a test fails when this page is old.

`flagstaff` opens the full screen; `flagstaff --help` shows the command line. Row 1 says where you are and whether writes
are open; it is the row not to get wrong. `?` lists everything that can be done on a screen and runs it; `:` finds an action
by its name, `ctrl-p` a flag or a screen. A protected environment starts read-only: `!` opens writes for ten minutes. A change
there is planned by the daemon, shown, and applied only after its confirmation text was typed. `u` undoes.

**W** marks what changes data. Keys are changed in `keys.toml` beside `config.toml`, by the names below:

```toml
[flags]
toggle = [\"space\", \"ctrl-t\"]
archive = \"none\"
```

The matrix says `on`, `off`, `25%` (part of all contexts by the default rule), a value for other kinds, `-` where the flag has
no configuration, `on..` while a change is on its way, `~` where it differs from the environment to its left, `!` where a
prerequisite is not on.

A theme is a file `themes/NAME.toml` beside `config.toml`, chosen by `theme` in `[ui]`; it is read again while it is shown.
Without colours (`NO_COLOR`, `--color never`) every state stands there as a word or a sign.
";

/// The manual.
#[must_use]
pub fn markdown() -> String {
    let actions = registry::actions();
    let keymap = Keymap::new(&actions);
    let mut text = BEFORE.to_owned();
    for (context, title) in CONTEXTS {
        let own: Vec<&Action> =
            actions.iter().copied().filter(|action| action.context() == *context).collect();
        if own.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {title}\n\n| key | action | |\n|---|---|---|\n");
        for action in own {
            let keys = keymap.keys(action.id).replace('|', "\\|");
            let mark = if action.risk > Risk::Reads { "**W** " } else { "" };
            let cli = if action.cli.is_empty() { String::new() } else { format!(" `{}`", action.cli) };
            let _ = writeln!(text, "| `{keys}` | `{}` | {mark}{}{cli} |", action.id, action.help);
        }
    }
    text
}

/// The contexts of the program, those of [`CONTEXTS`] and others.
pub fn contexts() -> impl Iterator<Item = &'static str> {
    registry::actions().into_iter().chain(MOVEMENT).chain(GLOBAL).chain(TEXT).map(Action::context)
}

//! What a person can do: the one list that keys, footer, help, palette and manual are made from.

/// How much an action can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Looks, or moves.
    Reads,
    /// Begins a change: it is planned by the daemon, and reviewed where the environment asks for it.
    Writes,
    /// Begins a change that is wide or takes something away: always reviewed.
    Wide,
}

/// One thing to do.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// The name in key files, such as `flags.toggle`; the part before the dot is the context.
    pub id: &'static str,
    /// A few words, as in the footer and the palette; `..` at the end when something is asked first.
    pub title: &'static str,
    /// A sentence for help and manual.
    pub help: &'static str,
    /// Keys as key files write them: `space`, `ctrl-d`, chords as `g f`.
    pub keys: &'static [&'static str],
    /// What it can do.
    pub risk: Risk,
    /// The same on the command line; empty where there is none.
    pub cli: &'static str,
}

impl Action {
    /// An action that reads.
    #[must_use]
    pub const fn reads(
        id: &'static str,
        keys: &'static [&'static str],
        title: &'static str,
        help: &'static str,
    ) -> Self {
        Self { id, title, help, keys, risk: Risk::Reads, cli: "" }
    }

    /// An action that begins a change.
    #[must_use]
    pub const fn writes(
        id: &'static str,
        keys: &'static [&'static str],
        title: &'static str,
        help: &'static str,
    ) -> Self {
        Self { id, title, help, keys, risk: Risk::Writes, cli: "" }
    }

    /// An action that begins a wide change, or takes something away.
    #[must_use]
    pub const fn wide(
        id: &'static str,
        keys: &'static [&'static str],
        title: &'static str,
        help: &'static str,
    ) -> Self {
        Self { id, title, help, keys, risk: Risk::Wide, cli: "" }
    }

    /// The same with its like on the command line.
    #[must_use]
    pub const fn cli(mut self, cli: &'static str) -> Self {
        self.cli = cli;
        self
    }

    /// The context its keys belong to.
    #[must_use]
    pub fn context(&self) -> &'static str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// Moving in lists and text, on each screen that takes commands.
pub const MOVEMENT: &[Action] = &[
    Action::reads("move.down", &["j", "down"], "down", "One row down."),
    Action::reads("move.up", &["k", "up"], "up", "One row up."),
    Action::reads("move.left", &["h", "left"], "left", "To the left: the environment before."),
    Action::reads("move.right", &["l", "right"], "right", "To the right: the next environment."),
    Action::reads("move.first", &["g g", "home"], "first", "To the first row."),
    Action::reads("move.last", &["G", "end"], "last", "To the last row."),
    Action::reads("move.half-down", &["ctrl-d"], "half page down", "Half a page down."),
    Action::reads("move.half-up", &["ctrl-u"], "half page up", "Half a page up."),
    Action::reads("move.page-down", &["pagedown"], "page down", "A page down."),
    Action::reads("move.page-up", &["pageup"], "page up", "A page up."),
    Action::reads("move.pane", &["tab"], "next pane", "To the next pane or field."),
    Action::reads("move.pane-back", &["backtab"], "previous pane", "To the pane or field before."),
    Action::reads("move.environment-back", &["["], "previous environment", "The environment before."),
    Action::reads("move.environment", &["]"], "next environment", "The next environment."),
];

/// Everywhere where commands are taken.
pub const GLOBAL: &[Action] = &[
    Action::reads(
        "global.help",
        &["?", "f1"],
        "all keys",
        "What can be done here; type to search, enter runs it.",
    ),
    Action::reads("global.palette", &[":"], "commands", "Find an action by its name and run it."),
    Action::reads("global.jump", &["ctrl-p"], "jump", "Jump to a flag, a segment, a screen."),
    Action::reads("global.back", &["q"], "back", "Back by one; at the first screen, leave."),
    Action::reads("global.escape", &["esc"], "back", "Cancel, clear the filter, close, back."),
    Action::reads("global.cancel", &["ctrl-c"], "cancel", "Cancel what runs; twice leaves, drafts are kept."),
    Action::reads(
        "global.suspend",
        &["ctrl-z"],
        "suspend",
        "Give the terminal back to the shell; `fg` returns.",
    ),
    Action::reads("global.redraw", &["ctrl-l"], "redraw", "Draw the whole screen again."),
    Action::reads(
        "global.resync",
        &["ctrl-r"],
        "resync",
        "Read everything again from the daemon; connect now.",
    ),
    Action::reads(
        "global.lock",
        &["!"],
        "unlock or lock writes",
        "Open writes for some minutes, or close them.",
    ),
    Action::writes(
        "global.undo",
        &["u"],
        "undo..",
        "Choose one of my last changes and undo it, through a review.",
    ),
    Action::reads(
        "global.log",
        &["@"],
        "command log",
        "Each request sent, and the same on the command line.",
    ),
    Action::reads(
        "global.mouse",
        &["%"],
        "mouse on or off",
        "Let the program have the mouse, or the terminal.",
    ),
    Action::reads("go.flags", &["g f"], "flags", "The flags in all environments."),
    Action::reads("go.environments", &["g e"], "environments", "The environments."),
    Action::reads("go.segments", &["g s"], "segments", "The segments of the selected environment."),
    Action::reads("go.audit", &["g a"], "audit feed", "Every change, as it comes."),
    Action::reads("go.history", &["g h"], "history", "The history of the selected flag."),
    Action::reads("go.compare", &["g d"], "compare", "Compare two environments."),
    Action::reads(
        "go.health",
        &["g c"],
        "health",
        "This client, the daemons, PostgreSQL, the connected clients.",
    ),
    Action::reads("go.drafts", &["g w"], "drafts", "Edits that were not sent yet."),
    Action::reads("go.connect", &["g p"], "profiles", "Connect to another daemon."),
];

/// While text is typed: what a field or the editor does not take itself.
pub const TEXT: &[Action] = &[
    Action::reads("text.help", &["f1"], "help", "What can be done here."),
    Action::reads("text.cancel", &["ctrl-c"], "cancel", "Leave the field; a draft is kept."),
    Action::reads("text.suspend", &["ctrl-z"], "suspend", "Give the terminal back to the shell."),
    Action::reads(
        "text.lock",
        &["f3"],
        "unlock or lock writes",
        "Open writes for some minutes, or close them.",
    ),
    Action::reads("text.redraw", &["ctrl-l"], "redraw", "Draw the whole screen again."),
];

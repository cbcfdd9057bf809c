//! What can be done with the question why.

use crate::action::Action;

/// What can be done with the question why.
pub const ACTIONS: &[Action] = &[
    Action::reads(
        "why.context",
        &["c"],
        "context..",
        "Type the context: a key, pairs such as anna plan=pro device:os=ios, or JSON.",
    )
    .cli("flagstaff eval KEY --env ENVIRONMENT --context CONTEXT --explain"),
    Action::reads("why.editor", &["E"], "$EDITOR", "Write the context as JSON with your own editor."),
    Action::reads(
        "why.at",
        &["a"],
        "at..",
        "Ask about another time: 3h ago, 03:12 (UTC), a revision, a date.",
    ),
    Action::reads(
        "why.what-if",
        &["w"],
        "what if..",
        "Ask what another context would get: plan=pro changes it, plan= takes it away.",
    ),
    Action::reads(
        "why.open",
        &["enter"],
        "open",
        "Unfold a prerequisite, open a rule, take an environment, a variation or a context.",
    ),
    Action::reads("why.remove", &["x"], "remove", "Take a variation of the context away again."),
    Action::reads("why.find", &["/"], "find", "Find contexts that were seen, by their key."),
    Action::reads("why.flag", &["f"], "flag", "The flag's own screen."),
    Action::reads("why.history", &["t"], "history", "What changed the flag in this environment."),
    Action::reads("why.tab-steps", &["1"], "steps", "What was looked at, in order, and what decided."),
    Action::reads("why.tab-elsewhere", &["2"], "elsewhere", "The same context in every environment."),
    Action::reads(
        "why.tab-what-if",
        &["3"],
        "what if",
        "With the flag turned, as staged, with another context.",
    ),
    Action::reads(
        "why.tab-recent",
        &["4"],
        "contexts",
        "Contexts that were asked about, and those that were seen.",
    ),
];

/// The tabs: the action that opens each, its name, and its name where there is little room.
pub const TABS: [(&str, &str, &str); 4] = [
    ("why.tab-steps", "Steps", "Steps"),
    ("why.tab-elsewhere", "Elsewhere", "Else"),
    ("why.tab-what-if", "What if", "If"),
    ("why.tab-recent", "Contexts", "Ctx"),
];

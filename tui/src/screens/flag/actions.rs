//! What can be done with one flag.

use crate::action::Action;

/// What can be done with one flag.
pub const ACTIONS: &[Action] = &[
    Action::writes("flag.toggle", &["space"], "on/off..", "Turn the flag on or off in this environment.")
        .cli("flagstaff flag on KEY --env ENVIRONMENT"),
    Action::reads(
        "flag.open",
        &["enter"],
        "open",
        "Open what is selected: a rule, a value, another flag, a revision.",
    ),
    Action::reads(
        "flag.edit",
        &["e"],
        "edit",
        "Edit the configuration as JSON; among the rules, the selected rule.",
    ),
    Action::reads("flag.editor", &["E"], "$EDITOR", "Edit the configuration with your own editor."),
    Action::writes("flag.rollout", &["r"], "rollout..", "Set the share of each variation in the default.")
        .cli("flagstaff flag rollout KEY PERCENT --env ENVIRONMENT"),
    Action::reads(
        "flag.add",
        &["a"],
        "add..",
        "Add a rule (staged until it is reviewed); among the variations, a value.",
    ),
    Action::reads(
        "flag.remove",
        &["x"],
        "remove",
        "Take the selected rule out, or put it back (staged until it is reviewed).",
    ),
    Action::reads("flag.lower", &["J"], "move down", "Move the selected rule down (staged)."),
    Action::reads("flag.raise", &["K"], "move up", "Move the selected rule up (staged)."),
    Action::writes("flag.review", &["S"], "review staged..", "Review the staged changes and apply them.")
        .cli("flagstaff flag set KEY --env ENVIRONMENT --file FILE"),
    Action::reads("flag.drop", &["R"], "drop staged", "Forget the staged changes of this environment."),
    Action::writes("flag.promote", &["p"], "promote..", "Bring this configuration into another environment.")
        .cli("flagstaff flag promote KEY --from ENVIRONMENT --to ENVIRONMENT"),
    Action::reads("flag.history", &["t"], "history", "Every change of the flag in this environment.")
        .cli("flagstaff flag history KEY"),
    Action::reads("flag.why", &["w"], "why", "Why a context gets what it gets of the flag, step by step."),
    Action::reads("flag.compare", &["d"], "compare", "Compare the flag with another environment."),
    Action::wide(
        "flag.archive",
        &["D"],
        "archive..",
        "Archive the flag: it is served to nobody, and can be restored.",
    )
    .cli("flagstaff flag archive KEY"),
    Action::writes("flag.restore", &["U"], "restore..", "Bring the archived flag back.")
        .cli("flagstaff flag restore KEY"),
    Action::reads("flag.tab-overview", &["1"], "overview", "Everything that decides a value."),
    Action::reads("flag.tab-rules", &["2"], "rules", "The targeting rules, clause by clause."),
    Action::reads("flag.tab-variations", &["3"], "variations", "The values, and who serves them."),
    Action::reads(
        "flag.tab-prerequisites",
        &["4"],
        "prerequisites",
        "The flags it waits for, and the flags that wait for it.",
    ),
    Action::reads("flag.tab-history", &["5"], "last changes", "The last changes of the flag."),
    Action::reads("flag.tab-json", &["6"], "JSON", "The configuration as JSON."),
];

/// The tabs: the action that opens each, its name, and its name where there is little room.
pub const TABS: [(&str, &str, &str); 6] = [
    ("flag.tab-overview", "Overview", "Over"),
    ("flag.tab-rules", "Rules", "Rules"),
    ("flag.tab-variations", "Variations", "Vars"),
    ("flag.tab-prerequisites", "Prereqs", "Pre"),
    ("flag.tab-history", "History", "Hist"),
    ("flag.tab-json", "JSON", "JSON"),
];

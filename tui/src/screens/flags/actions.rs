//! What can be done with the matrix of flags.

use crate::action::Action;

/// What can be done with flags.
pub const ACTIONS: &[Action] = &[
    Action::writes(
        "flags.toggle",
        &["space"],
        "toggle..",
        "Turn the flag on or off in the selected environment.",
    )
    .cli("flagstaff flag toggle KEY --env ENVIRONMENT"),
    Action::reads("flags.open", &["enter"], "open", "The flag with everything that decides its value."),
    Action::reads(
        "flags.edit",
        &["e"],
        "edit JSON",
        "Edit the configuration in the selected environment as JSON.",
    ),
    Action::reads(
        "flags.editor",
        &["E"],
        "$EDITOR",
        "Edit the configuration with the editor of the environment variable.",
    ),
    Action::writes(
        "flags.rollout",
        &["r"],
        "rollout..",
        "Set the share of each variation in the default rule.",
    )
    .cli("flagstaff flag rollout KEY PERCENT --env ENVIRONMENT"),
    Action::writes(
        "flags.promote",
        &["p"],
        "promote..",
        "Bring the configuration of the marked flags into another environment.",
    )
    .cli("flagstaff flag promote KEY --from ENVIRONMENT --to ENVIRONMENT"),
    Action::reads("flags.history", &["t"], "history", "The history of the flag in the selected environment.")
        .cli("flagstaff flag history KEY"),
    Action::reads(
        "flags.why",
        &["w"],
        "why",
        "Why a context gets what it gets of the flag in the selected environment, step by step.",
    ),
    Action::reads("flags.compare", &["d"], "compare", "Compare the flag in two environments."),
    Action::reads(
        "flags.mark",
        &["m"],
        "mark",
        "Mark the flag, or take the mark away; marked flags are changed together.",
    ),
    Action::reads("flags.mark-range", &["v"], "mark range", "Mark from here to where it is pressed again."),
    Action::reads("flags.mark-all", &["M"], "mark all", "Mark all that are shown, or take all marks away."),
    Action::writes("flags.add", &["a"], "add flag..", "Make a new flag.").cli("flagstaff flag create KEY"),
    Action::wide(
        "flags.archive",
        &["D"],
        "archive..",
        "Archive the marked flags: they are served to nobody, and can be restored.",
    )
    .cli("flagstaff flag archive KEY"),
    Action::writes("flags.restore", &["U"], "restore..", "Bring an archived flag back.")
        .cli("flagstaff flag restore KEY"),
    Action::reads(
        "flags.filter",
        &["/"],
        "filter",
        "Ask for flags: words, tag:, on:, rollout:partial, changed:<1h, -, |, ...",
    ),
    Action::reads("flags.next", &["n"], "next", "The next flag that changed while you were looking."),
    Action::reads("flags.sort", &["o"], "sort", "Sort by key, by change, by kind."),
    Action::reads("flags.preview", &["i"], "preview", "Show or hide the preview of the selected flag."),
    Action::reads("flags.columns", &["c"], "columns", "Show the columns kind, name and owner, or hide them."),
];

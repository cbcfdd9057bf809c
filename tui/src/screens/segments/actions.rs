//! What can be done with segments, and by which keys.

use crate::action::Action;

/// What can be done with segments.
pub const ACTIONS: &[Action] = &[
    Action::reads("segments.open", &["enter"], "whole", "The whole segment: every key, every rule, each flag that uses it."),
    Action::reads("segments.check", &["c"], "is X in it?", "Ask whether a context is in the segment: a key, kind:key, or a context as JSON.")
        .cli("flagstaff segment contains KEY ID --env ENVIRONMENT"),
    Action::writes("segments.add-ids", &["a"], "add ids..", "Add keys to the segment's lists; many can be pasted.")
        .cli("flagstaff segment add-ids KEY ID.. --env ENVIRONMENT"),
    Action::writes("segments.remove-ids", &["x"], "remove ids..", "Take keys out of the segment's lists.")
        .cli("flagstaff segment rm-ids KEY ID.. --env ENVIRONMENT"),
    Action::writes(
        "segments.import",
        &["I"],
        "import ids..",
        "Paste the text of a file with keys, separated by lines, commas or spaces; a file itself is read by `flagstaff segment import`.",
    )
    .cli("flagstaff segment import KEY --file FILE --env ENVIRONMENT"),
    Action::reads("segments.edit", &["e"], "edit JSON", "Edit the segment's lists and rules as JSON."),
    Action::writes("segments.new", &["A"], "add segment..", "Make a new segment in this environment.")
        .cli("flagstaff segment create KEY --env ENVIRONMENT"),
    Action::wide("segments.archive", &["D"], "archive..", "Archive the segment: nobody is in it then, and it can be restored."),
    Action::writes("segments.restore", &["U"], "restore..", "Bring an archived segment back."),
    Action::reads("segments.history", &["t"], "history", "The history of the segment."),
    Action::reads("segments.compare", &["d"], "compare", "Compare this environment with the next one, at this segment."),
    Action::reads("segments.filter", &["/"], "filter", "Show only segments whose key, name or tags have these letters."),
    Action::reads("segments.archived", &["o"], "archived too", "Show archived segments as well, or hide them."),
];

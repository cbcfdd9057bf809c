//! Every screen by its route, and every action by its id.

use crate::action::{Action, GLOBAL, MOVEMENT, TEXT};
use crate::route::{Form, Route};
use crate::screens::{self, Screen};
use crate::world::World;

/// Makes the screen of a route.
#[must_use]
pub fn screen(route: Route, world: &World) -> Box<dyn Screen> {
    match route {
        Route::Flags { filter } => Box::new(screens::flags::Flags::new(filter, world)),
        Route::Flag { key, environment, tab } => {
            Box::new(screens::flag::Flag::new(key, environment, tab, world))
        }
        Route::Why { flag, environment, at } => {
            Box::new(screens::why::Why::new(flag, environment, at, world))
        }
        Route::Credentials { environment } => Box::new(screens::credentials::Credentials::new(environment)),
        Route::Editor(document) => Box::new(screens::editor::Editor::new(document, world)),
        Route::Conflict { document, base, ours, text, base_revision } => {
            Box::new(screens::conflict::Conflict::new(document, base, ours, text, base_revision))
        }
        Route::Audit { filter } => Box::new(screens::audit::Audit::new(filter)),
        Route::History { kind, key, environment } => {
            Box::new(screens::history::History::new(kind, key, environment))
        }
        Route::Segments { environment, key } => Box::new(screens::segments::Segments::new(environment, key)),
        Route::Environments => Box::new(screens::environments::Environments::new()),
        Route::Compare { left, right, keys } => Box::new(screens::compare::Compare::new(left, right, keys)),
        Route::Health => Box::new(screens::health::Health::new()),
        Route::Connect => Box::new(screens::connect::Connect::new()),
        Route::Drafts => Box::new(screens::drafts::Drafts::new()),
        Route::Log => Box::new(screens::log::Log::default()),
        Route::Undo => Box::new(screens::undo::Undo::new()),
        Route::Form(form) => self::form(form, world),
    }
}

fn form(form: Form, world: &World) -> Box<dyn Screen> {
    match form {
        Form::Rollout { flag, environment } => {
            Box::new(screens::rollout::Rollout::new(flag, environment, world))
        }
        Form::NewFlag => Box::new(screens::new_flag::NewFlag::new(world)),
        Form::Rule { flag, environment, index, rule } => {
            Box::new(screens::rule::Rule::new(flag, environment, index, rule, world))
        }
        Form::Promote { flags, from } => Box::new(screens::promote::Promote::new(flags, from, world)),
        Form::NewSegment { environment } => Box::new(screens::new_segment::NewSegment::new(environment)),
        Form::Members { segment, environment, remove } => {
            Box::new(screens::members::Members::new(segment, environment, remove))
        }
        Form::Profile { name } => Box::new(screens::profile::Profile::new(name, world)),
    }
}

/// The actions of all screens, those that work everywhere, and those of text fields.
#[must_use]
pub fn actions() -> Vec<&'static Action> {
    [
        MOVEMENT,
        GLOBAL,
        TEXT,
        COPY,
        screens::audit::ACTIONS,
        screens::compare::ACTIONS,
        screens::conflict::ACTIONS,
        screens::connect::ACTIONS,
        screens::credentials::ACTIONS,
        screens::credentials::FORM,
        screens::drafts::ACTIONS,
        screens::editor::ACTIONS,
        screens::environments::ACTIONS,
        screens::environments::FORM,
        screens::flag::ACTIONS,
        screens::flags::ACTIONS,
        screens::health::ACTIONS,
        screens::help::ACTIONS,
        screens::history::ACTIONS,
        screens::log::ACTIONS,
        screens::members::ACTIONS,
        screens::new_flag::ACTIONS,
        screens::new_segment::ACTIONS,
        screens::profile::ACTIONS,
        screens::promote::ACTIONS,
        screens::review::ACTIONS,
        screens::rollout::ACTIONS,
        screens::rule::ACTIONS,
        screens::segments::ACTIONS,
        screens::undo::ACTIONS,
        screens::why::ACTIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Copying, on each screen that has something to copy.
pub const COPY: &[Action] = &[
    Action::reads("copy.row", &["y y"], "copy row", "Copy the row as text."),
    Action::reads("copy.key", &["y k"], "copy key", "Copy the key."),
    Action::reads("copy.value", &["y v"], "copy value", "Copy the value."),
    Action::reads("copy.json", &["y j"], "copy JSON", "Copy the document."),
    Action::reads("copy.cli", &["y c"], "copy command", "Copy the same as a command line."),
    Action::reads("copy.link", &["y l"], "copy link", "Copy the address of this in the API."),
    Action::reads("copy.report", &["y r"], "copy report", "Copy a report in Markdown."),
    Action::reads("copy.table", &["y t"], "copy table", "Copy all rows, with tabs between columns."),
];

/// The action of that id.
#[must_use]
pub fn action(id: &str) -> Option<&'static Action> {
    actions().into_iter().find(|action| action.id == id)
}

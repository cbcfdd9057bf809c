//! `flagstaff keys`: the actions of the full screen, and what is wrong in `keys.toml`.

use clap::Args;
use shared::json::Json;

use super::global::Global;
use super::session::Setup;
use super::sheet::{Columns, Sheet, say, text};
use super::trouble::Trouble;
use crate::action::Risk;
use crate::app::registry;
use crate::keymap::Keymap;

/// What to show.
#[derive(Args, Debug)]
pub struct Keys {
    /// Only look for what is wrong in keys.toml; ends with 2 where something is
    #[arg(long)]
    check: bool,
    /// Write them as Markdown
    #[arg(long)]
    markdown: bool,
    /// Only those of this context, such as flags
    #[arg(value_name = "CONTEXT")]
    context: Option<String>,
}

/// Shows them.
///
/// # Errors
/// The settings are wrong.
pub fn run(wanted: &Keys, global: &Global) -> Result<(), Trouble> {
    let file = Setup::load()?.places.config.join("keys.toml");
    let own = match std::fs::read_to_string(&file) {
        Ok(own) => own,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Trouble::usage(format!("{}: {error}", file.display()))),
    };
    let actions = registry::actions();
    let mut keymap = Keymap::new(&actions);
    let faults = keymap.load(&own, &actions);
    for fault in &faults {
        eprintln!("flagstaff: {} {}", file.display(), crate::text::shown(&fault.to_string()));
    }
    if wanted.check {
        let count = faults.len();
        if count > 0 {
            return Err(Trouble::usage(format!(
                "{count} mistakes in {}; their keys stay as they were",
                file.display()
            )));
        }
        return say(&format!("{} is right\n", file.display()));
    }
    let shown =
        actions.iter().filter(|action| wanted.context.as_deref().is_none_or(|only| action.context() == only));
    let items: Vec<Json> = shown
        .map(|action| {
            let risk = match action.risk {
                Risk::Reads => "reads",
                Risk::Writes => "writes",
                Risk::Wide => "wide",
            };
            [
                ("id", action.id),
                ("keys", &keymap.keys(action.id)),
                ("title", action.title),
                ("help", action.help),
                ("risk", risk),
                ("cli", action.cli),
            ]
            .map(|(name, value)| (name, Json::from(value)))
            .into_iter()
            .collect()
        })
        .collect();
    if wanted.markdown {
        let cell = |item: &Json, name: &str| text(item.get(name)).replace('|', "\\|");
        let mut out = "| Action | Keys | What it does |\n|---|---|---|\n".to_owned();
        for item in &items {
            let keys = cell(item, "keys");
            let keys = if keys.is_empty() { keys } else { format!("`{keys}`") };
            out.push_str(&format!("| `{}` | {keys} | {} |\n", cell(item, "id"), cell(item, "help")));
        }
        return say(&out);
    }
    let columns = Columns::new()
        .member("id", "id")
        .member("keys", "keys")
        .member("title", "title")
        .member("help", "help")
        .wide()
        .member("risk", "risk")
        .wide()
        .member("cli", "cli")
        .wide();
    Sheet::list("flagstaff.keys/1", columns, items).print(global)
}

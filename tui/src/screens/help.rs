//! Help and palette: all that can be done here, searched and run; and jumping to a flag.

use super::{Do, Event, Mode, Screen};
use crate::action::{Action, Risk};
use crate::canvas::Canvas;
use crate::key::Code;
use crate::route::Route;
use crate::text;
use crate::theme::Token;
use crate::widgets::field::Field;
use crate::widgets::list::List;
use crate::world::World;
use ratatui::layout::Rect;

/// What the list can do.
pub const ACTIONS: &[Action] = &[
    Action::reads("help.run", &["enter"], "run", "Do what is selected."),
    Action::reads("help.down", &["down", "ctrl-n"], "next", "One entry down."),
    Action::reads("help.up", &["up"], "previous", "One entry up."),
    Action::reads("help.page-down", &["pagedown"], "page down", "A page down."),
    Action::reads("help.page-up", &["pageup"], "page up", "A page up."),
    Action::reads("help.close", &["esc"], "close", "Back to the screen."),
];

/// One action, as it stands now.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The action.
    pub action: &'static Action,
    /// Whether it belongs to the screen below.
    pub here: bool,
    /// Its keys.
    pub keys: String,
    /// Why it cannot be done now.
    pub disabled: Option<String>,
}

#[derive(Clone, Debug)]
enum Item {
    Entry(Entry),
    Place { title: String, detail: &'static str, route: Route },
}

/// The list.
#[derive(Debug)]
pub struct Help {
    field: Field,
    items: Vec<Item>,
    list: List,
    /// Whether it is the small box over the screen, not the page of all keys.
    palette: bool,
    title: &'static str,
}

impl Help {
    /// Everything that can be done; `palette` makes it the small box.
    #[must_use]
    pub fn new(entries: Vec<Entry>, palette: bool) -> Self {
        let title = if palette { "Commands" } else { "Help" };
        let items = entries.into_iter().map(Item::Entry).collect();
        Self { field: Field::default(), items, list: List::default(), palette, title }
    }

    /// Everything one can go to.
    #[must_use]
    pub fn jump(world: &World) -> Self {
        let flags = world.cache.flags.values().filter(|f| !f.archived).map(|flag| Item::Place {
            title: flag.key.clone(),
            detail: "flag",
            route: Route::Flag { key: flag.key.clone(), environment: world.environment.clone(), tab: 0 },
        });
        let segments = world.cache.segments.keys().map(|(environment, key)| Item::Place {
            title: format!("{key} @ {environment}"),
            detail: "segment",
            route: Route::Segments { environment: environment.clone(), key: Some(key.clone()) },
        });
        let screens = [
            ("flags", Route::Flags { filter: String::new() }),
            ("environments", Route::Environments),
            ("segments", Route::Segments { environment: world.environment.clone(), key: None }),
            ("audit feed", Route::Audit { filter: String::new() }),
            ("health", Route::Health),
            ("drafts", Route::Drafts),
            ("profiles", Route::Connect),
            ("command log", Route::Log),
        ];
        let screens = screens.into_iter().map(|(title, route)| Item::Place {
            title: title.to_owned(),
            detail: "screen",
            route,
        });
        let items = screens.chain(flags).chain(segments).collect();
        Self { field: Field::default(), items, list: List::default(), palette: true, title: "Jump to" }
    }

    /// The items that match, best first.
    fn found(&self) -> Vec<&Item> {
        let wanted = self.field.text().trim();
        if wanted.is_empty() {
            return self.items.iter().collect();
        }
        let mut scored: Vec<(u32, usize, &Item)> = self
            .items
            .iter()
            .enumerate()
            .filter_map(|(n, item)| {
                let score = match item {
                    Item::Entry(entry) => {
                        let by_key = entry
                            .keys
                            .split(", ")
                            .any(|key| key.eq_ignore_ascii_case(wanted) || caret(key) == wanted);
                        let by_title = shared::query::fuzzy(wanted, entry.action.title).map(|s| s + 1);
                        let by_help =
                            entry.action.help.to_lowercase().contains(&wanted.to_lowercase()).then_some(0);
                        if by_key { Some(u32::MAX) } else { by_title.or(by_help) }
                    }
                    Item::Place { title, .. } => shared::query::fuzzy(wanted, title),
                };
                score.map(|score| (score, n, item))
            })
            .collect();
        scored.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
        scored.into_iter().map(|(_, _, item)| item).collect()
    }

    fn rows(&self, height: u16) -> usize {
        usize::from(if self.palette { height.saturating_sub(8).min(12) } else { height.saturating_sub(5) })
            .max(1)
    }
}

/// `^p` for `ctrl-p`, as many people write it.
fn caret(key: &str) -> String {
    key.strip_prefix("ctrl-").map_or_else(|| key.to_owned(), |rest| format!("^{rest}"))
}

impl Screen for Help {
    fn route(&self) -> Route {
        Route::Flags { filter: String::new() }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn mode(&self) -> Mode {
        Mode::Text
    }

    fn overlay(&self) -> bool {
        true
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        let rows = self.rows(world.body().1);
        let len = self.found().len();
        match event {
            Event::Key(press) => {
                if press.code == Code::Esc {
                    return vec![Do::Back];
                }
                if self.field.key(*press) {
                    self.list = List::default();
                }
            }
            Event::Paste(text) => {
                self.field.paste(text);
                self.list = List::default();
            }
            Event::Action("help.down") => {
                self.list.act("move.down", len, rows);
            }
            Event::Action("help.up") => {
                self.list.act("move.up", len, rows);
            }
            Event::Action("help.page-down") => {
                self.list.act("move.page-down", len, rows);
            }
            Event::Action("help.page-up") => {
                self.list.act("move.page-up", len, rows);
            }
            Event::Action("help.close" | "global.escape") => return vec![Do::Back],
            Event::Action("help.run") => {
                let found = self.found();
                return match found.get(self.list.at) {
                    Some(Item::Entry(entry)) => vec![Do::Run(entry.action.id)],
                    Some(Item::Place { route, .. }) => vec![Do::Replace(route.clone())],
                    None => Vec::new(),
                };
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, _world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let rows = self.rows(height);
        let area = if self.palette {
            // From edge to edge where little would stick out beside it.
            let columns = width.min(100);
            let lines = u16::try_from(rows).unwrap_or(12) + 6;
            Rect::new((width - columns) / 2, 1, columns, lines.min(height.saturating_sub(1)))
        } else {
            Rect::new(0, 0, width, height)
        };
        let mut part = canvas.sub(area);
        part.clear();
        let found = self.found();
        let mut list = self.list.clone();
        list.settle(found.len(), rows);
        part.rule(
            0,
            self.title,
            &match found.len() {
                1 => "1 match".to_owned(),
                n => format!("{n} matches"),
            },
        );
        part.put(1, 1, ":", Token::Key);
        self.field.view(&mut part, 3, 1, area.width.saturating_sub(4), true);
        let window = list.window(found.len(), rows);
        for (n, item) in found.iter().enumerate().take(window.end).skip(window.start) {
            let y = 2 + u16::try_from(n - window.start).unwrap_or(0);
            let at = n == list.at;
            part.put(1, y, if at { ">" } else { " " }, Token::Selected);
            let name = area.width.saturating_sub(4) / 3;
            let (title, keys, right, dim) = match item {
                Item::Entry(entry) => {
                    let mark = if entry.action.risk > Risk::Reads { "W" } else { " " };
                    let right = match &entry.disabled {
                        Some(why) => format!("{mark} {why}"),
                        None if entry.here => format!("{mark} {}", entry.action.help),
                        None => format!("{mark} {}", entry.action.help),
                    };
                    (entry.action.title.to_owned(), entry.keys.clone(), right, entry.disabled.is_some())
                }
                Item::Place { title, detail, .. } => {
                    (title.clone(), String::new(), (*detail).to_owned(), false)
                }
            };
            let token = if at {
                Token::Selected
            } else if dim {
                Token::Disabled
            } else {
                Token::Plain
            };
            let wide = matches!(item, Item::Place { .. });
            let title_room = if wide { area.width.saturating_sub(14) } else { name };
            part.put_fit(3, y, title_room, &title, token);
            if !wide {
                part.put_fit(4 + name, y, 12, &keys, Token::Key);
            }
            let x = if wide { area.width.saturating_sub(10) } else { 17 + name };
            part.put_fit(
                x,
                y,
                area.width.saturating_sub(x + 1),
                &right,
                if dim { Token::Disabled } else { Token::Dim },
            );
        }
        let bottom = 2 + u16::try_from(rows).unwrap_or(0);
        if self.palette {
            part.rule(bottom + 3, "", "");
        }
        if let Some(Item::Entry(entry)) = found.get(list.at) {
            part.rule(bottom, "", "W changes data");
            let cli = if entry.action.cli.is_empty() {
                String::new()
            } else {
                format!("  CLI: {}", entry.action.cli)
            };
            let said = format!("{}{cli}", entry.action.help);
            for (n, line) in
                text::wrap(&said, usize::from(area.width.saturating_sub(4))).iter().take(2).enumerate()
            {
                part.put(2, bottom + 1 + u16::try_from(n).unwrap_or(0), line, Token::Dim);
            }
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["help.run", "help.down", "help.close"]
    }
}

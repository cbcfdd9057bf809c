//! Edits that were not sent yet.

use super::{Do, Event, Screen, Tone};
use crate::action::Action;
use crate::cache::rows::number;
use crate::canvas::Canvas;
use crate::effect::Draft;
use crate::route::{Document, Route};
use crate::text;
use crate::theme::Token;
use crate::widgets::list::List;
use crate::world::World;
use shared::json::{diff, parse};
use time::OffsetDateTime;

/// What can be done with drafts.
pub const ACTIONS: &[Action] = &[
    Action::reads("drafts.resume", &["enter"], "resume", "Go on with the edit."),
    Action::reads(
        "drafts.drop",
        &["x"],
        "discard",
        "Throw the draft away for good; asks for the key once more.",
    )
    .cli("flagstaff draft rm NAME"),
];

/// How long a second press of a key is the answer to a question.
const AGAIN: time::Duration = time::Duration::seconds(4);

/// Edits that were not sent yet, the newest first.
#[derive(Debug)]
pub struct Drafts {
    list: List,
    selected: Option<Document>,
    asked: Option<(Document, OffsetDateTime)>,
}

impl Drafts {
    /// Makes the screen.
    #[must_use]
    pub fn new() -> Self {
        Self { list: List::default(), selected: None, asked: None }
    }

    fn drafts(world: &World) -> Vec<&Draft> {
        let mut all: Vec<&Draft> = world.drafts.values().collect();
        all.sort_by(|a, b| b.saved_at.cmp(&a.saved_at).then_with(|| a.document.cmp(&b.document)));
        all
    }

    fn rows(world: &World) -> usize {
        usize::from(world.body().1.saturating_sub(7)).max(1)
    }

    /// The selected one stays selected where drafts come and go.
    fn settle(&mut self, world: &World) {
        let all = Self::drafts(world);
        if let Some(at) = self.selected.as_ref().and_then(|s| all.iter().position(|d| d.document == *s)) {
            self.list.at = at;
        }
        self.list.settle(all.len(), Self::rows(world));
        self.selected = all.get(self.list.at).map(|draft| draft.document.clone());
    }

    fn chosen<'w>(&self, world: &'w World) -> Option<&'w Draft> {
        Self::drafts(world).get(self.list.at).copied()
    }

    fn discard(&mut self, world: &World) -> Vec<Do> {
        let Some(draft) = self.chosen(world) else { return Vec::new() };
        let document = draft.document.clone();
        let asked = self.asked.take().is_some_and(|(which, at)| which == document && world.now - at < AGAIN);
        if asked {
            return vec![
                Do::DropDraft(document.clone()),
                Do::Toast(Tone::Info, format!("the draft of {} is gone", document.title())),
            ];
        }
        let said = format!("throws the draft of {} away for good; x again does it", document.title());
        self.asked = Some((document, world.now));
        vec![Do::Toast(Tone::Warn, said)]
    }
}

impl Default for Drafts {
    fn default() -> Self {
        Self::new()
    }
}

/// The revision that last changed what a draft edits, as far as it is known.
fn head(world: &World, document: &Document) -> Option<u64> {
    match document {
        Document::Config { flag, environment } => {
            world.cache.flags.get(flag)?.cells.get(environment).map(|cell| cell.revision)
        }
        Document::Flag { flag } | Document::Variation { flag, .. } => {
            world.cache.flags.get(flag).map(|row| row.revision)
        }
        Document::Segment { segment, environment } => world
            .cache
            .segments
            .get(&(environment.clone(), segment.clone()))
            .map(|row| number(row.get("revision"))),
    }
}

/// Whether others changed the document since the draft was begun.
fn state(world: &World, draft: &Draft) -> (String, Token) {
    match head(world, &draft.document) {
        Some(head) if head > draft.base_revision => (format!("behind: changed in {head}"), Token::Warn),
        Some(_) => ("up to date".to_owned(), Token::Dim),
        None if world.cache.loaded && !matches!(draft.document, Document::Segment { .. }) => {
            ("no longer there".to_owned(), Token::Bad)
        }
        None => ("not known".to_owned(), Token::Dim),
    }
}

/// What a draft changes, a line for each path.
fn changes(draft: &Draft) -> Result<Vec<String>, String> {
    let ours = parse(&draft.text).map_err(|e| format!("line {}: {}", e.line, e.detail))?;
    let base = parse(&draft.base).unwrap_or_default();
    let side = |value: &Option<shared::json::Json>| {
        value.as_ref().map_or("(absent)".to_owned(), shared::json::Json::to_text)
    };
    Ok(diff(&base, &ours)
        .iter()
        .map(|c| {
            let path = if c.path.is_empty() { "/" } else { &c.path };
            format!("{path}  {} -> {}", text::fit(&side(&c.before), 40), side(&c.after))
        })
        .collect())
}

impl Screen for Drafts {
    fn route(&self) -> Route {
        Route::Drafts
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn environment(&self, world: &World) -> Option<Option<String>> {
        let draft = self.chosen(world)?;
        Some(draft.document.environment().map(str::to_owned))
    }

    fn flag(&self, world: &World) -> Option<String> {
        self.chosen(world)
            .filter(|draft| !matches!(draft.document, Document::Segment { .. }))
            .map(|draft| draft.document.key().to_owned())
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let draft = self.chosen(world)?;
        match what {
            "json" => Some(draft.text.clone()),
            "key" => Some(draft.document.key().to_owned()),
            "row" => Some(format!("{}  base rev {}", draft.document.title(), draft.base_revision)),
            _ => None,
        }
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        self.settle(world);
        let wanted = match event {
            Event::Action("drafts.resume") => self
                .chosen(world)
                .map(|draft| Do::Open(Route::Editor(draft.document.clone())))
                .into_iter()
                .collect(),
            Event::Action("drafts.drop") => return self.discard(world),
            Event::Action("global.escape") => vec![Do::Back],
            Event::Action(id) => {
                self.list.act(id, world.drafts.len(), Self::rows(world));
                Vec::new()
            }
            Event::Mouse(_, row, 0) => {
                self.list.click(row.checked_sub(2), world.drafts.len(), Self::rows(world));
                Vec::new()
            }
            _ => return Vec::new(),
        };
        self.asked = None;
        self.selected = None;
        self.settle(world);
        wanted
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let all = Self::drafts(world);
        let count = match all.len() {
            1 => "1 edit not sent yet".to_owned(),
            n => format!("{n} edits not sent yet"),
        };
        canvas.put(1, 0, "Drafts", Token::Title);
        canvas.put_right(0, &format!("{count} "), Token::Dim);
        if all.is_empty() {
            canvas.put_fit(
                3,
                2,
                width.saturating_sub(4),
                "no drafts: what you edit and do not save is kept here",
                Token::Dim,
            );
            canvas.put(3, 3, "esc: back", Token::Dim);
            return;
        }
        let right = width.saturating_sub(41);
        canvas.put(3, 1, "DOCUMENT", Token::Heading);
        canvas.put(right, 1, "EDITED", Token::Heading);
        canvas.put(right + 8, 1, "BASE", Token::Heading);
        canvas.put(right + 17, 1, "SINCE THEN", Token::Heading);
        let rows = usize::from(height.saturating_sub(7)).max(1);
        let mut list = self.list.clone();
        list.settle(all.len(), rows);
        let window = list.window(all.len(), rows);
        for (n, draft) in all.iter().enumerate().take(window.end).skip(window.start) {
            let y = 2 + u16::try_from(n - window.start).unwrap_or(0);
            let chosen = n == list.at;
            if chosen {
                canvas.put(1, y, ">", Token::Key);
                canvas.cursor(3, y);
            }
            let look = if chosen { Token::Selected } else { Token::Plain };
            canvas.put_fit(3, y, right.saturating_sub(4), &draft.document.title(), look);
            canvas.put(right, y, &text::age(draft.saved_at, world.now), Token::Plain);
            canvas.put_fit(right + 8, y, 8, &draft.base_revision.to_string(), Token::Dim);
            let (word, token) = match world.unsaved.get(&draft.document).filter(|why| !why.is_empty()) {
                Some(_) => ("NOT ON DISK".to_owned(), Token::Error),
                None => state(world, draft),
            };
            canvas.put_fit(right + 17, y, width.saturating_sub(right + 18), &word, token);
        }
        let Some(draft) = all.get(list.at) else { return };
        let y = height.saturating_sub(5);
        match changes(draft) {
            Ok(changes) => {
                let paths = if changes.len() == 1 { "path" } else { "paths" };
                canvas.rule(y, &format!("{} changed {paths}", changes.len()), "");
                for (line, y) in changes.iter().take(4).zip(y + 1..) {
                    canvas.put_fit(3, y, width.saturating_sub(4), line, Token::Plain);
                }
            }
            Err(why) => {
                canvas.rule(y, "not readable yet", "");
                canvas.put_fit(3, y + 1, width.saturating_sub(4), &why, Token::Error);
            }
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["drafts.resume", "drafts.drop", "copy.json"]
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        if action.starts_with("drafts.") && world.drafts.is_empty() {
            return Err("there is no draft".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Policy;
    use crate::theme::{Depth, Theme};

    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 14:03 UTC);

    fn config(flag: &str) -> Document {
        Document::Config { flag: flag.to_owned(), environment: "prod".to_owned() }
    }

    fn world() -> World {
        let mut world = crate::scenery::bare(NOW, (80, 24), Policy::Never);
        let page = r#"{"items":[{"key":"a","environments":{"prod":{"on":true,"revision":60}}},
            {"key":"b","environments":{"prod":{"on":true,"revision":40}}}]}"#;
        world.cache.flags_page(&parse(page).unwrap(), true);
        world.cache.loaded = true;
        for (flag, minutes, text) in [("a", 3, "{\"on\":false}"), ("b", 1, "{ half"), ("gone", 90, "{}")] {
            let draft = Draft {
                document: config(flag),
                text: text.to_owned(),
                base: "{\"on\":true}".to_owned(),
                base_revision: 48,
                saved_at: NOW - time::Duration::minutes(minutes),
            };
            world.drafts.insert(draft.document.clone(), draft);
        }
        world
    }

    fn seen(screen: &Drafts, world: &World) -> Vec<String> {
        let theme = Theme::builtin("default", Depth::Mono).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 22));
        let area = buffer.area;
        screen.view(world, &mut Canvas::new(&mut buffer, &theme, area));
        (0..22)
            .map(|y| (0..80).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn each_draft_says_its_age_and_whether_others_went_on() {
        let world = world();
        let mut screen = Drafts::new();
        screen.on(&world, &Event::Opened);
        let rows = seen(&screen, &world);
        assert!(rows[0].ends_with("3 edits not sent yet"), "{rows:#?}");
        let words = |row: &String| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(words(&rows[2]), "> b @ prod 1m 48 up to date");
        assert_eq!(words(&rows[3]), "a @ prod 3m 48 behind: changed in 60");
        assert_eq!(words(&rows[4]), "gone @ prod 1h 48 no longer there");
        assert!(rows[17].starts_with("-- not readable yet ---"), "{rows:#?}");
        screen.on(&world, &Event::Action("move.down"));
        let rows = seen(&screen, &world);
        assert!(rows[17].starts_with("-- 1 changed path ---"), "{rows:#?}");
        assert_eq!(rows[18], "   /on  true -> false");
        assert_eq!(screen.copy(&world, "json").as_deref(), Some("{\"on\":false}"));
        let wanted = screen.on(&world, &Event::Action("drafts.resume"));
        assert_eq!(wanted, [Do::Open(Route::Editor(config("a")))]);
    }

    #[test]
    fn a_draft_goes_only_when_the_key_is_pressed_twice_on_it() {
        let mut world = world();
        let mut screen = Drafts::new();
        let drop = Event::Action("drafts.drop");
        assert!(matches!(&screen.on(&world, &drop)[..], [Do::Toast(Tone::Warn, _)]));
        screen.on(&world, &Event::Action("move.down"));
        assert!(
            matches!(&screen.on(&world, &drop)[..], [Do::Toast(Tone::Warn, _)]),
            "another draft is asked about"
        );
        world.now += time::Duration::seconds(5);
        assert!(matches!(&screen.on(&world, &drop)[..], [Do::Toast(Tone::Warn, _)]), "too late is no answer");
        let wanted = screen.on(&world, &drop);
        assert_eq!(wanted.first(), Some(&Do::DropDraft(config("a"))));
        world.drafts.clear();
        assert_eq!(screen.on(&world, &drop), []);
        assert!(seen(&screen, &world)[2].contains("no drafts"));
    }
}

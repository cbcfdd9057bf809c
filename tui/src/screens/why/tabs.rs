//! The lines of the tabs of the question why.

use super::state::{ELSEWHERE, RECENT, STEPS, Seen, Told, WHAT_IF, Why};
use crate::cache::rows::{instant, text as word};
use crate::text;
use crate::theme::Token;
use crate::widgets::context_text;
use crate::widgets::lines::Line;
use crate::widgets::trace::{Step, Trace};
use crate::world::World;
use shared::json::Json;

/// What a line stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A step that can be folded or opened.
    Step(Step),
    /// The revision behind the answer.
    Because,
    /// The same in another environment.
    Environment(String),
    /// What is, without anything changed.
    AsItIs,
    /// The configuration as it is not.
    Otherwise(usize),
    /// The context with something changed.
    Varied(usize),
    /// A context to ask about.
    Context(Json),
}

impl Why {
    /// The column where text begins.
    pub(super) fn gutter(&self, _width: u16) -> u16 {
        if matches!(self.tab, STEPS | RECENT) { 12 } else { 3 }
    }

    /// The lines of the tab that is open.
    pub(super) fn lines(&self, world: &World, width: u16) -> Vec<Line<Item>> {
        let room = usize::from(width.saturating_sub(self.gutter(width) + 1));
        match self.tab {
            ELSEWHERE => self.places(world, room),
            WHAT_IF => self.changed(world, room),
            RECENT => self.contexts(world, room),
            _ => self.steps(world, room),
        }
    }

    fn steps(&self, world: &World, room: usize) -> Vec<Line<Item>> {
        if self.context.is_none() {
            return [
                "Who gets what, and why: type a context.",
                "",
                "anna                            a user, by the key",
                "anna plan=pro age=42            with attributes",
                "device:d-7 os=ios               of another kind",
                "anna device:key=d-7             of several kinds",
                "{\"kind\": \"user\", \"key\": ...}     JSON; E opens your own editor",
            ]
            .into_iter()
            .map(|said| Line::new(said, Token::Dim))
            .collect();
        }
        let other = self.imagined.and_then(|n| self.otherwise.get(n));
        let told = match other {
            Some(other) => other.told.as_ref(),
            None => self.told.as_ref(),
        };
        let verdict = match told {
            None => return vec![Line::new("asking ..", Token::Dim)],
            Some(Err(why)) => {
                return text::wrap(why, room).into_iter().map(|said| Line::new(said, Token::Warn)).collect();
            }
            Some(Ok(verdict)) => verdict,
        };
        let row = self.row(world);
        let mut lines =
            vec![Line::new(text::fit(&verdict.served(row), room / 2), Token::Strong).labelled("SERVES")];
        // Of the past it is not known here whether there was such a flag.
        let unknown = verdict.unknown(row.filter(|_| self.at.is_none()));
        if let Some(why) = unknown {
            let place =
                if why == "is archived" { String::new() } else { format!(" in {}", self.environment) };
            let said = format!("{} {why}{place}, so SDKs do not know it", self.flag);
            lines.extend(text::wrap(&said, room).into_iter().map(|said| Line::new(said, Token::Warn)));
            return lines;
        }
        lines = lines.into_iter().map(|line| line.ending(verdict.why(), Token::Plain)).collect();
        if let Some(because) = &verdict.because {
            let age = because.at.map_or(String::new(), |at| format!(" {} ago", text::age(at, world.now)));
            let actor = because.actor.split_once(':').map_or(because.actor.as_str(), |(_, name)| name);
            let said = format!("rev {} by {actor}{age}", because.revision);
            let version = verdict.steps.as_ref().map_or(0, |steps| steps.version);
            let line = Line::new(said, Token::Plain).labelled("BECAUSE").of(Item::Because);
            lines.push(line.ending(format!("version {version}"), Token::Dim));
        } else if other.is_some() {
            lines.push(
                Line::new("imagined: nothing was changed; esc shows what is", Token::Warn)
                    .labelled("BECAUSE"),
            );
        }
        let Some(steps) = &verdict.steps else {
            lines.push(Line::new("the steps were not told", Token::Dim));
            return lines;
        };
        let at = (self.flag.clone(), self.environment.clone());
        let document = match (other, &self.at) {
            (Some(other), _) => Some(&other.document),
            (None, Some(_)) => self.past.as_ref().and_then(|row| row.get("config")),
            (None, None) => {
                let row = world.cache.configs.get(&at);
                let row = row.filter(|row| row.get("version").and_then(Json::as_i64) == Some(steps.version));
                row.and_then(|row| row.get("config").or_else(|| row.get("document")))
            }
        };
        let trace = Trace { world, environment: &self.environment, document, turned: &self.turned, room };
        lines.extend(trace.lines(steps).into_iter().map(|line| Line {
            label: line.label,
            mark: line.mark,
            pieces: line.pieces,
            right: line.right,
            bar: line.bar,
            item: line.item.map(Item::Step),
        }));
        lines
    }

    /// One answer in a line, beside the one that is compared with.
    fn answer(&self, world: &World, name: &str, wide: usize, room: usize, told: Option<&Told>) -> Line<Item> {
        let mut line = Line::new(format!("{}  ", text::pad(name, wide)), Token::Plain);
        let now = self.told.as_ref().and_then(|told| told.as_ref().ok());
        match told {
            None => line = line.then("..", Token::Pending),
            Some(Err(why)) => line = line.then(text::fit(why, room.saturating_sub(wide + 2)), Token::Warn),
            Some(Ok(verdict)) => {
                let served = verdict.served(self.row(world));
                let same = now.is_none_or(|now| verdict.same(now));
                let most = (room.saturating_sub(wide) / 4).clamp(8, 40);
                let why = room.saturating_sub(wide + most + 4 + 10);
                let unknown = verdict.unknown(self.row(world).filter(|_| self.at.is_none()));
                let said = unknown.map_or_else(|| verdict.why(), |why| format!("it {why} there"));
                line = line
                    .then(format!("{}  ", text::pad(&served, most)), Token::Strong)
                    .then(text::fit(&said, why), Token::Dim);
                line =
                    if same { line.ending("same", Token::Dim) } else { line.ending("DIFFERS", Token::Warn) };
            }
        }
        line
    }

    fn places(&self, world: &World, room: usize) -> Vec<Line<Item>> {
        if self.context.is_none() {
            return vec![Line::new("type a context first: c", Token::Dim)];
        }
        let names = world.cache.environments.iter().map(|e| {
            let here = if e.key == self.environment { " (here)" } else { "" };
            (e.key.clone(), format!("{}{here}", e.key))
        });
        let names: Vec<(String, String)> = names.collect();
        let wide = names.iter().map(|(_, name)| text::width(name)).max().unwrap_or(0).clamp(8, 30);
        names
            .into_iter()
            .map(|(key, name)| {
                let told = self.elsewhere.get(&key);
                self.answer(world, &name, wide, room, told).of(Item::Environment(key))
            })
            .collect()
    }

    fn changed(&self, world: &World, room: usize) -> Vec<Line<Item>> {
        if self.context.is_none() {
            return vec![Line::new("type a context first: c", Token::Dim)];
        }
        let names = self.varied.iter().map(|varied| text::width(&varied.typed) + 3);
        let wide = names.max().unwrap_or(0).clamp(12, if room >= 90 { 40 } else { 28 });
        let mut lines = vec![self.answer(world, "as it is", wide, room, self.told.as_ref()).of(Item::AsItIs)];
        for (n, other) in self.otherwise.iter().enumerate() {
            lines.push(
                self.answer(world, other.title, wide, room, other.told.as_ref()).of(Item::Otherwise(n)),
            );
        }
        for (n, varied) in self.varied.iter().enumerate() {
            let name = format!("if {}", varied.typed);
            lines.push(self.answer(world, &name, wide, room, varied.told.as_ref()).of(Item::Varied(n)));
        }
        lines.push(Line::gap());
        if self.at.is_some() {
            lines.push(Line::new("Of the past only the context can be varied.", Token::Dim));
        }
        lines.push(Line::new("w asks about another attribute; enter shows the steps.", Token::Dim));
        lines
    }

    fn contexts(&self, world: &World, room: usize) -> Vec<Line<Item>> {
        let mut lines = Vec::new();
        let known = |context: &Json| text::fit(&context_text::told(context), room.saturating_sub(2));
        for (n, context) in world.contexts.iter().enumerate() {
            let mut line = Line::new(known(context), Token::Plain).of(Item::Context(context.clone()));
            if n == 0 {
                line.label = "ASKED";
            }
            lines.push(line);
        }
        let mut seen = self.seen(world, room);
        if let Some(first) = seen.first_mut() {
            first.label = "SEEN";
        }
        lines.extend(seen);
        lines
    }

    fn seen(&self, world: &World, room: usize) -> Vec<Line<Item>> {
        match &self.seen {
            Seen::NotAsked | Seen::Reading => vec![Line::new("reading ..", Token::Dim)],
            Seen::Not(why) => {
                text::wrap(why, room).into_iter().map(|said| Line::new(said, Token::Dim)).collect()
            }
            Seen::Listed(contexts, _) if contexts.is_empty() && self.find.is_empty() => {
                vec![Line::new("no application has shown a context here yet", Token::Dim)]
            }
            Seen::Listed(contexts, _) if contexts.is_empty() => {
                vec![Line::new(format!("none with {} in its key: / finds others", self.find), Token::Dim)]
            }
            Seen::Listed(contexts, total) => {
                let mut lines: Vec<Line<Item>> =
                    contexts.iter().filter_map(|one| seen(one, world, room)).collect();
                let shown = lines.len() as u64;
                if *total > shown {
                    let said = format!("and {} more: / finds one by its key", text::count(total - shown));
                    lines.push(Line::new(said, Token::Dim));
                }
                lines
            }
        }
    }
}

fn seen(one: &Json, world: &World, room: usize) -> Option<Line<Item>> {
    let context = one.get("context").filter(|c| c.as_object().is_some())?;
    let age =
        instant(one.get("lastSeen")).map_or(String::new(), |at| format!("{} ago", text::age(at, world.now)));
    let source = word(one.get("source")).map_or(String::new(), |source| format!(" by {source}"));
    let right = format!("{age}{source}");
    let most = room.saturating_sub(text::width(&right) + 2);
    let line = Line::new(text::fit(&context_text::told(context), most), Token::Plain);
    Some(line.ending(right, Token::Dim).of(Item::Context(context.clone())))
}

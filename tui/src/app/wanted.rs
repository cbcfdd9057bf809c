//! Does what screens want: opening, going back, asking, staging.

use super::{App, Layer, Waiting, registry};
use crate::cache::rows::text;
use crate::effect::Effect;
use crate::route::Route;
use crate::screens::{Do, Event, Tone};

impl App {
    /// Opens a screen on top.
    pub(crate) fn open(&mut self, route: Route) -> Vec<Effect> {
        let screen = registry::screen(route, &self.world);
        self.push(screen)
    }

    pub(crate) fn push(&mut self, screen: Box<dyn crate::screens::Screen>) -> Vec<Effect> {
        let mut effects = self.tell_top(&Event::Covered);
        let number = self.number();
        self.stack.push(Layer { screen, number, opened: self.world.now });
        self.before = None;
        effects.extend(self.tell(number, &Event::Opened));
        effects
    }

    /// Goes to one of the main screens: everything above the first one is closed.
    pub(crate) fn go(&mut self, route: Route) -> Vec<Effect> {
        let top = self.route();
        if std::mem::discriminant(&top) == std::mem::discriminant(&route) && self.stack.len() <= 2 {
            return Vec::new();
        }
        self.stack.truncate(1);
        let first = self.route();
        if std::mem::discriminant(&first) == std::mem::discriminant(&route) {
            return self.tell_top(&Event::Returned);
        }
        self.open(route)
    }

    /// Closes the topmost screen; the last one stays.
    pub(crate) fn back(&mut self) -> Vec<Effect> {
        if self.stack.len() < 2 {
            return Vec::new();
        }
        if let Some(layer) = self.stack.pop() {
            self.forget(layer.number);
        }
        self.tell_top(&Event::Returned)
    }

    fn forget(&mut self, layer: u64) {
        // A plan that nobody waits for any more is not reviewed; writes go on.
        self.waiting.retain(|_, w| {
            !matches!(w, Waiting::Screen { layer: l, .. } | Waiting::Plan { layer: l, .. } if *l == layer)
        });
    }

    /// Tells one screen something, and does what it wants.
    pub(crate) fn tell(&mut self, number: u64, event: &Event<'_>) -> Vec<Effect> {
        let Some(layer) = self.stack.iter_mut().find(|layer| layer.number == number) else {
            return Vec::new();
        };
        let wanted = layer.screen.on(&self.world, event);
        wanted.into_iter().flat_map(|want| self.want(number, want)).collect()
    }

    /// Tells the topmost screen something.
    pub(crate) fn tell_top(&mut self, event: &Event<'_>) -> Vec<Effect> {
        match self.stack.last().map(|layer| layer.number) {
            Some(number) => self.tell(number, event),
            None => Vec::new(),
        }
    }

    /// Tells every screen something.
    pub(crate) fn tell_all(&mut self, event: &Event<'_>) -> Vec<Effect> {
        let numbers: Vec<u64> = self.stack.iter().map(|layer| layer.number).collect();
        numbers.into_iter().flat_map(|number| self.tell(number, event)).collect()
    }

    fn want(&mut self, layer: u64, want: Do) -> Vec<Effect> {
        match want {
            Do::Open(route) => self.open(route),
            // What follows in the burst would be typed into it.
            Do::OpenTo(..) | Do::Effect(Effect::Edit { .. } | Effect::EditText { .. }) if self.burst => {
                let said = "$EDITOR not opened: the key came together with other keys";
                self.toast(Tone::Warn, said.to_owned());
                Vec::new()
            }
            Do::OpenTo(route, action) => {
                let mut effects = self.open(route);
                effects.extend(self.tell_top(&Event::Action(action)));
                effects
            }
            Do::Replace(route) => {
                if let Some(at) = self.stack.iter().position(|l| l.number == layer) {
                    self.stack.truncate(at);
                    self.forget(layer);
                }
                self.open(route)
            }
            Do::Back => self.close(layer),
            Do::Answer(told) => {
                let mut effects = self.close(layer);
                effects.extend(self.tell_top(&Event::Told(&told)));
                effects
            }
            Do::Ask(tag, read) => {
                let old = self.waiting.iter().find_map(|(id, w)| match w {
                    Waiting::Screen { layer: l, tag: t } if *l == layer && *t == tag => Some(*id),
                    _ => None,
                });
                let mut effects = Vec::new();
                if let Some(id) = old {
                    self.waiting.remove(&id);
                    effects.push(Effect::Cancel(id));
                }
                effects.push(self.ask(Waiting::Screen { layer, tag }, read));
                effects
            }
            // What came in one go with other keys is text that went astray, whatever the screen makes of it.
            Do::Wish(_) | Do::Apply { .. } if self.burst => {
                self.toast(Tone::Warn, "no change is begun by keys that came all at once".to_owned());
                Vec::new()
            }
            Do::Wish(wish) => self.wish(layer, wish),
            Do::Apply { plan, typed, comment } => self.apply(layer, &plan, &typed, &comment),
            Do::Toast(tone, said) => {
                self.toast(tone, said);
                Vec::new()
            }
            Do::Select(key) => {
                self.select(key);
                self.evaluations_due()
            }
            Do::Marks(marks) => {
                self.world.marks = marks;
                Vec::new()
            }
            Do::Remember(context) => {
                self.world.remember(context);
                Vec::new()
            }
            Do::Ignore(paths) => {
                self.world.ignored = paths;
                Vec::new()
            }
            Do::Draft(draft) => {
                self.world.drafts.insert(draft.document.clone(), (*draft).clone());
                // Until the disk has it; a reason that it could not be written stays until it is.
                self.world.unsaved.entry(draft.document.clone()).or_default();
                vec![Effect::SaveDraft(draft)]
            }
            Do::DropDraft(document) => {
                self.world.drafts.remove(&document);
                self.world.unsaved.remove(&document);
                vec![Effect::DropDraft(document)]
            }
            Do::Stage(flag, environment, staged) => {
                match staged {
                    Some(staged) => self.world.staged.insert((flag, environment), staged),
                    None => self.world.staged.remove(&(flag, environment)),
                };
                Vec::new()
            }
            Do::KeepConfig(flag, environment, row) => {
                self.world.cache.config(&flag, &environment, row);
                Vec::new()
            }
            Do::KeepSegments(environment, rows) => {
                for row in rows {
                    if let Some(key) = text(row.get("key")) {
                        self.world.cache.segments.insert((environment.clone(), key), row);
                    }
                }
                Vec::new()
            }
            Do::KeepEvaluated(flag, environment, at) => {
                self.world.cache.evaluated(&flag, &environment, at);
                Vec::new()
            }
            Do::Evaluations => self.evaluations_of(None),
            Do::KeepLines(lines) => {
                self.world.cache.events.prepend(lines);
                Vec::new()
            }
            Do::Run(id) => {
                let effects = self.close(layer);
                let burst = self.burst;
                effects.into_iter().chain(self.act(id, burst)).collect()
            }
            Do::Effect(effect) => vec![effect],
        }
    }

    fn close(&mut self, layer: u64) -> Vec<Effect> {
        if self.stack.last().is_some_and(|top| top.number == layer) {
            return self.back();
        }
        if let Some(at) = self.stack.iter().position(|l| l.number == layer).filter(|at| *at > 0) {
            self.stack.remove(at);
            self.forget(layer);
        }
        Vec::new()
    }

    /// Selects an environment; open writes close when it is of another class.
    pub(crate) fn select(&mut self, key: String) {
        let class = |app: &Self, key: &str| app.world.cache.environment(key).map(|e| e.class.clone());
        let open = self.world.guard.left(self.world.now).is_some();
        if open && class(self, &key) != class(self, &self.world.environment) {
            self.world.guard.close();
            self.toast(Tone::Warn, "writes are closed: another class of environment".to_owned());
        }
        self.world.environment = key;
    }
}

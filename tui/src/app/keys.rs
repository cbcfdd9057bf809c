//! What keys and pastes do.

use super::{App, DEAD, registry};
use crate::action::Risk;
use crate::effect::Effect;
use crate::key::Press;
use crate::keymap::Found;
use crate::route::Route;
use crate::screens::help::Help;
use crate::screens::{Event, Mode, Tone};
use time::Duration;

/// How long after `ctrl-c` a second one leaves.
const AGAIN: Duration = Duration::seconds(2);

impl App {
    /// A key was pressed.
    pub(crate) fn key(&mut self, press: Press) -> Vec<Effect> {
        self.burst = press.burst;
        let effects = self.pressed(press);
        self.burst = false;
        effects
    }

    fn pressed(&mut self, press: Press) -> Vec<Effect> {
        let now = self.world.now;
        self.world.guard.key(now);
        let Some(layer) = self.stack.last() else { return Vec::new() };
        let mode = layer.screen.mode();
        let own = layer.screen.actions().first().map_or("", |a| a.context());
        // Keys that were on their way before a dialog opened are not meant for it. Letters in the
        // search of the help only narrow a list: who types `:undo` over a slow line means them.
        let searched = own == "help" && press.typed().is_some();
        let late = layer.screen.overlay() && mode != Mode::Commands && now - layer.opened < DEAD;
        if late && press.burst && !searched {
            return Vec::new();
        }
        let before = self.before.take();
        let contexts: &[&str] = match mode {
            Mode::Commands => &[own, "move", "filter", "copy", "go", "global"],
            Mode::Text if press.typed().is_none() => &[own, "text"],
            Mode::Text | Mode::Field => &["text"],
        };
        match self.keymap.find(contexts, before, press) {
            Found::Action(id) => self.act(id, press.burst),
            Found::Prefix(_) => {
                self.before = Some(press);
                Vec::new()
            }
            Found::Nothing if mode != Mode::Commands => self.tell_top(&Event::Key(press)),
            Found::Nothing => Vec::new(),
        }
    }

    /// Text was pasted.
    pub(crate) fn paste(&mut self, text: &str) -> Vec<Effect> {
        self.before = None;
        if self.stack.last().is_some_and(|layer| layer.screen.mode() != Mode::Commands) {
            self.burst = true;
            let effects = self.tell_top(&Event::Paste(text));
            self.burst = false;
            return effects;
        }
        self.toast(Tone::Warn, format!("paste ignored, {} characters", text.chars().count()));
        Vec::new()
    }

    /// Why an action cannot be done now; nothing when it can.
    #[must_use]
    pub fn disabled(&self, id: &str) -> Option<String> {
        let layer = self.stack.last()?;
        let action = registry::action(id)?;
        if action.risk > Risk::Reads
            && id != "global.undo"
            && let Some(environment) = layer.screen.environment(&self.world)
            && let Err(closed) = self.world.writable(environment.as_deref())
        {
            return Some(closed.to_string());
        }
        layer.screen.available(&self.world, id).err()
    }

    /// Does an action; one that writes is refused when its key came in a burst.
    pub(crate) fn act(&mut self, id: &'static str, burst: bool) -> Vec<Effect> {
        let Some(action) = registry::action(id) else { return Vec::new() };
        // Opening writes is as good as the first half of one.
        if (action.risk > Risk::Reads || id == "global.lock") && burst {
            self.toast(Tone::Warn, format!("{} ignored: it came together with other keys", action.title));
            return Vec::new();
        }
        if let Some(why) = self.disabled(id) {
            self.toast(Tone::Warn, format!("{}: {why}", action.title.trim_end_matches("..")));
            return Vec::new();
        }
        match action.context() {
            "go" => self.go_to(id),
            "global" | "text" => self.everywhere(id),
            "copy" => self.copy(id),
            _ => self.tell_top(&Event::Action(id)),
        }
    }

    fn go_to(&mut self, id: &str) -> Vec<Effect> {
        let environment = self.world.environment.clone();
        let flag = self.stack.last().and_then(|layer| layer.screen.flag(&self.world));
        let route = match id {
            "go.flags" => Route::Flags { filter: String::new() },
            "go.environments" => Route::Environments,
            "go.segments" => Route::Segments { environment, key: None },
            "go.audit" => Route::Audit { filter: String::new() },
            "go.history" => match flag {
                Some(key) => Route::History { kind: "flag", key, environment: Some(environment) },
                None => {
                    self.toast(Tone::Warn, "history: no flag is selected here".to_owned());
                    return Vec::new();
                }
            },
            "go.compare" => {
                let at = self.world.cache.environments.iter().position(|e| e.key == environment).unwrap_or(0);
                let keys: Vec<&str> = self.world.cache.environments.iter().map(|e| e.key.as_str()).collect();
                let (left, right) =
                    match (keys.get(at), keys.get(at + 1), at.checked_sub(1).and_then(|b| keys.get(b))) {
                        (Some(a), Some(b), _) | (Some(b), None, Some(a)) => {
                            ((*a).to_owned(), (*b).to_owned())
                        }
                        _ => {
                            self.toast(Tone::Warn, "compare: there is only one environment".to_owned());
                            return Vec::new();
                        }
                    };
                Route::Compare { left, right, keys: flag.into_iter().collect() }
            }
            "go.health" => Route::Health,
            "go.drafts" => Route::Drafts,
            "go.connect" => Route::Connect,
            _ => return Vec::new(),
        };
        match route {
            Route::History { .. } | Route::Compare { .. } => self.open(route),
            route => self.go(route),
        }
    }

    fn everywhere(&mut self, id: &str) -> Vec<Effect> {
        match id {
            "global.help" | "text.help" => {
                let help = Help::new(self.entries(), false);
                self.push(Box::new(help))
            }
            "global.palette" => {
                let help = Help::new(self.entries(), true);
                self.push(Box::new(help))
            }
            "global.jump" => {
                let help = Help::jump(&self.world);
                self.push(Box::new(help))
            }
            "global.back" => {
                if self.stack.len() < 2 {
                    return Self::quit();
                }
                self.back()
            }
            "global.escape" => self.tell_top(&Event::Action("global.escape")),
            "global.cancel" | "text.cancel" => self.cancel(),
            "global.suspend" | "text.suspend" => vec![Effect::Suspend],
            "global.redraw" | "text.redraw" => vec![Effect::Redraw],
            "global.resync" => {
                let mut effects = vec![Effect::Reconnect];
                effects.extend(self.reload());
                effects
            }
            "global.lock" | "text.lock" => {
                self.lock();
                Vec::new()
            }
            "global.undo" => self.open(Route::Undo),
            "global.log" => self.open(Route::Log),
            "global.mouse" => {
                self.mouse = !self.mouse;
                let word = if self.mouse { "on; hold shift to select text" } else { "off" };
                self.toast(Tone::Info, format!("mouse {word}"));
                vec![Effect::Mouse(self.mouse)]
            }
            _ => self.tell_top(&Event::Action(registry::action(id).map_or("", |a| a.id))),
        }
    }

    /// Cancels what runs, or what is typed; twice in two seconds leaves.
    fn cancel(&mut self) -> Vec<Effect> {
        let now = self.world.now;
        if self.cancelled_at.is_some_and(|at| now - at < AGAIN) {
            return Self::quit();
        }
        self.cancelled_at = Some(now);
        let running: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, w)| {
                use super::Waiting::{Flags, Plan, Screen};
                matches!(w, Screen { .. } | Plan { .. } | Flags { .. })
            })
            .map(|(id, _)| *id)
            .collect();
        for id in &running {
            if let Some(super::Waiting::Flags { .. }) = self.waiting.remove(id) {
                self.loading = false;
            }
        }
        self.toast(Tone::Info, "cancelled; ctrl-c again leaves, drafts are kept".to_owned());
        let mut effects: Vec<Effect> = running.into_iter().map(Effect::Cancel).collect();
        effects.extend(self.tell_top(&Event::Action("global.escape")));
        effects
    }

    fn lock(&mut self) {
        let guard = &mut self.world.guard;
        if guard.held {
            self.toast(Tone::Warn, crate::guard::Closed::Held.to_string());
            return;
        }
        if !self.world.live() {
            self.toast(Tone::Warn, crate::guard::Closed::Offline.to_string());
            return;
        }
        let open = self.world.guard.turn(self.world.now);
        let minutes = self.world.guard.length.whole_minutes();
        let said = if open {
            format!("writes are open for {minutes} minutes; ! closes")
        } else {
            "writes are closed".to_owned()
        };
        self.toast(if open { Tone::Warn } else { Tone::Info }, said);
    }

    fn copy(&mut self, id: &str) -> Vec<Effect> {
        let what = id.split('.').nth(1).unwrap_or_default();
        match self.stack.last().and_then(|layer| layer.screen.copy(&self.world, what)) {
            Some(text) => vec![Effect::Copy { text, what: what.to_owned() }],
            None => {
                self.toast(Tone::Warn, format!("there is no {what} to copy here"));
                Vec::new()
            }
        }
    }

    /// Every action that there is here, with its keys, and why it cannot be done now.
    #[must_use]
    pub fn entries(&self) -> Vec<crate::screens::help::Entry> {
        let own = self.stack.last().map(|layer| layer.screen.actions()).unwrap_or_default();
        let everywhere = [registry::COPY, crate::action::GLOBAL, crate::action::MOVEMENT];
        own.iter()
            .map(|action| (true, action))
            .chain(everywhere.into_iter().flatten().map(|action| (false, action)))
            .map(|(here, action)| crate::screens::help::Entry {
                action,
                here,
                keys: self.keymap.keys(action.id),
                disabled: self.disabled(action.id),
            })
            .collect()
    }
}

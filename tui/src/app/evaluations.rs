//! When flags were last evaluated: the feed does not tell it, so it is read anew now and then.

use super::{App, Evaluations, Reading, Waiting};
use crate::cache::rows::text;
use crate::effect::{Effect, Read};
use crate::request::{Answer, Failure};
use crate::route::Route;
use crate::screens::Event;
use time::Duration;

/// How long what was read is good enough.
const FRESH: Duration = Duration::seconds(60);
/// Daemons tell each other late, and clocks differ: what is read reaches so far behind the last reading.
const LATE: Duration = Duration::minutes(5);
/// How many flags are read at a time.
const PAGE: usize = 2_000;

impl App {
    /// All flags are being read: what was asked before is of no use.
    pub(crate) fn evaluations_listed(&mut self) {
        self.evaluations = Evaluations { listed: Some(self.world.now), ..Evaluations::default() };
    }

    /// Reads what is old of the environment that is looked at, where a list of flags shows it.
    pub(crate) fn evaluations_due(&mut self) -> Vec<Effect> {
        let now = self.world.now;
        let environment = &self.world.environment;
        let asked = self.evaluations.asked.get(environment).copied().or(self.evaluations.listed);
        let listed = || self.stack.iter().any(|l| matches!(l.screen.route(), Route::Flags { .. }));
        // What reads a slow line's every byte can do without.
        if self.world.settings.lite
            || environment.is_empty()
            || asked.is_none_or(|at| now - at < FRESH)
            || self.waiting.values().any(|w| matches!(w, Waiting::Evaluations(_)))
            || !listed()
        {
            return Vec::new();
        }
        let environment = environment.clone();
        self.evaluations_of(Some(environment))
    }

    /// Reads when flags were evaluated since that was read last, in one environment or in all of them.
    pub(crate) fn evaluations_of(&mut self, environment: Option<String>) -> Vec<Effect> {
        let now = self.world.now;
        let (true, true, false, Some(listed)) =
            (self.world.live(), self.world.cache.loaded, self.loading, self.evaluations.listed)
        else {
            return Vec::new();
        };
        let old: Vec<u64> = self
            .waiting
            .iter()
            .filter_map(|(id, w)| matches!(w, Waiting::Evaluations(_)).then_some(*id))
            .collect();
        let mut effects = Vec::new();
        for id in old {
            self.waiting.remove(&id);
            effects.push(Effect::Cancel(id));
        }
        let known = |key: &str| self.evaluations.known.get(key).copied().unwrap_or(listed);
        let keys: Vec<String> = match &environment {
            Some(key) => vec![key.clone()],
            None => self.world.cache.environments.iter().map(|e| e.key.clone()).collect(),
        };
        let since = keys.iter().map(|key| known(key)).min().unwrap_or(listed);
        for key in keys {
            self.evaluations.asked.insert(key, now);
        }
        let minutes = (now - since + LATE).whole_minutes() + 1;
        let (scope, columns) = match &environment {
            Some(key) => {
                let key = crate::request::encoded(key);
                (format!("env%3A{key}%20"), format!("&environments={key}"))
            }
            None => Default::default(),
        };
        let path = format!(
            "/api/matrix?filter={scope}archived%3Aany%20evaluated%3A%3C{minutes}m{columns}&limit={PAGE}"
        );
        effects.push(self.evaluations_page(Reading { environment, begun: now, path }, None));
        effects
    }

    fn evaluations_page(&mut self, reading: Reading, cursor: Option<&str>) -> Effect {
        let mut path = reading.path.clone();
        if let Some(cursor) = cursor {
            path.push_str(&format!("&cursor={}", crate::request::encoded(cursor)));
        }
        // The log is about what people do; a line a minute would push that out.
        let id = self.number();
        self.waiting.insert(id, Waiting::Evaluations(reading));
        Effect::Read { id, read: Read::long(path) }
    }

    /// An answer came, or did not: then it is asked again when it is due.
    pub(crate) fn evaluations_told(
        &mut self,
        reading: Reading,
        outcome: Result<Answer, Failure>,
    ) -> Vec<Effect> {
        let Ok(answer) = outcome else { return Vec::new() };
        let changed = self.world.cache.evaluations_page(&answer.body);
        let mut effects = Vec::new();
        if let Some(cursor) = text(answer.body.get("nextCursor")) {
            effects.push(self.evaluations_page(reading, Some(&cursor)));
        } else {
            let keys = match reading.environment {
                Some(key) => vec![key],
                None => self.world.cache.environments.iter().map(|e| e.key.clone()).collect(),
            };
            for key in keys {
                self.evaluations.known.insert(key, reading.begun);
            }
        }
        if changed {
            effects.extend(self.tell_all(&Event::Evaluated));
        }
        effects
    }
}

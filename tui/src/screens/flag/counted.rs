//! Evaluations in lines: beside the step that decided, and over a day in each environment.

use super::evals::HOURS;
use super::item::{Line, Scene};
use crate::text;
use crate::theme::Token;
use crate::widgets::usage::{Count, Place, last, short, sparkline};

impl Scene<'_> {
    /// How often a step decided, as far as that is known of the configuration as it is.
    #[must_use]
    pub fn count(&self, place: &Place) -> Count {
        let at = (self.row.key.clone(), self.environment.to_owned());
        let known = || {
            let usage = self.evals.of(self.environment)?;
            let row = self.world.cache.configs.get(&at).filter(|_| !self.world.staged.contains_key(&at))?;
            let version = row.get("version")?.as_i64()?;
            usage.places(self.document?, version).remove(place)
        };
        known().unwrap_or_default()
    }

    /// The same in a few characters behind `said`.
    #[must_use]
    pub fn counted(&self, said: String, place: &Place) -> String {
        let count = self.count(place).text();
        if count.is_empty() { said } else { format!("{said}  {count}") }
    }
}

/// The evaluations in each environment.
#[must_use]
pub fn lines(scene: &Scene<'_>) -> Vec<Line> {
    let (evals, world) = (scene.evals, scene.world);
    let wide = world.cache.environments.iter().map(|e| text::width(&e.key)).max().unwrap_or(0).clamp(4, 16);
    let mut lines: Vec<Line> = Vec::new();
    for environment in &world.cache.environments {
        let Some(usage) = evals.of(&environment.key) else { continue };
        let here = environment.key == scene.environment;
        let name = text::pad(&environment.key, wide);
        // A day seldom begins with an hour: the answer may have 25 of them.
        let (series, total, defaults) = usage.recent(HOURS);
        let spark = sparkline(series, HOURS, world.settings.unicode);
        let line = Line::new(format!("{name}  "), if here { Token::Strong } else { Token::Plain })
            .then(spark, Token::BarFull)
            .then(format!("  {} in {HOURS} h", short(total)), Token::Plain);
        let token = if usage.last.is_none() { Token::Warn } else { Token::Dim };
        lines.push(line.ending(last(usage.last, world.now), token));
        if here && defaults > 0 {
            let said = format!("{} of them got the caller's default", short(defaults));
            lines.push(Line::new(format!("{}  {said}", " ".repeat(wide)), Token::Warn));
        }
    }
    if evals.of(scene.environment).is_some_and(|usage| usage.total > 0) {
        let said = "beside the steps: in 24 h; ~ inferred, ? not told by the SDKs";
        lines.push(Line::new(text::fit(said, scene.room()), Token::Dim));
    }
    if let (true, Some(why)) = (lines.is_empty(), evals.failed()) {
        lines.push(Line::new(text::fit(&format!("not read: {why}"), scene.room()), Token::Dim));
    }
    lines
}

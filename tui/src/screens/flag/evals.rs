//! How often the flag is evaluated: asked for when it is looked at (GROUND of its tabs).

use crate::effect::Read;
use crate::request::{Answer, Failure, encoded};
use crate::screens::Do;
use crate::widgets::usage::Usage;
use crate::world::World;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// The first tag for the evaluations in an environment, by its place.
pub const USAGE: u32 = 100;
/// The most environments that are asked about.
const MOST: usize = 50;
/// Hours that are counted, and columns of the line over them.
pub const HOURS: usize = 24;

/// What is known of the evaluations.
#[derive(Debug, Default)]
pub struct Evals {
    asked: Vec<String>,
    told: BTreeMap<String, Usage>,
    /// Why they cannot be told.
    failed: Option<String>,
}

impl Evals {
    /// Asks for the evaluations of the last day, unless they were asked for already.
    pub fn ask(&mut self, world: &World, flag: &str, environment: &str) -> Vec<Do> {
        if !self.asked.is_empty() || environment.is_empty() {
            return Vec::new();
        }
        // On a slow line the one that is looked at has to do; the others come when they are looked at.
        let wanted = |key: &&String| !world.settings.lite || **key == environment;
        let mut keys: Vec<String> =
            world.cache.environments.iter().map(|e| &e.key).filter(wanted).take(MOST).cloned().collect();
        keys.sort_by_key(|key| *key != environment);
        self.asked = keys;
        let flag = encoded(flag);
        (USAGE..)
            .zip(&self.asked)
            .map(|(tag, key)| {
                let environment = encoded(key);
                let path = format!("/api/flags/{flag}/usage?environment={environment}&since={HOURS}h");
                Do::Ask(tag, Read::get(path))
            })
            .collect()
    }

    /// Forgets what was asked, so that it is asked anew.
    pub fn forget(&mut self) {
        self.asked.clear();
    }

    /// Takes an answer in; where and when the flag was last evaluated is for the list too.
    pub fn answered(
        &mut self,
        tag: u32,
        outcome: &Result<Answer, Failure>,
    ) -> Option<(String, OffsetDateTime)> {
        let at = usize::try_from(tag.saturating_sub(USAGE)).unwrap_or(usize::MAX);
        let key = self.asked.get(at)?;
        match outcome {
            Ok(answer) => {
                let usage = Usage::read(&answer.body);
                let last = usage.last.map(|at| (key.clone(), at));
                self.told.insert(key.clone(), usage);
                self.failed = None;
                return last;
            }
            // A daemon that counts nothing is no failure.
            Err(Failure::Refused(problem)) if problem.status == 404 => {}
            Err(failure) => self.failed = Some(failure.to_string()),
        }
        None
    }

    /// What was told of an environment.
    #[must_use]
    pub fn of(&self, environment: &str) -> Option<&Usage> {
        self.told.get(environment)
    }

    /// Why nothing was told.
    #[must_use]
    pub fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }
}

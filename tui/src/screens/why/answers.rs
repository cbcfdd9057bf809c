//! What the daemon answers to the question why.

use super::asking::{CONFIG, GROUND, PLACES, SEEN, TOLD, VARIED};
use super::state::{ROOM, Seen, Told, Why};
use crate::request::{Answer, Failure};
use crate::screens::Do;
use crate::widgets::imagined::Wanted;
use crate::widgets::verdict::Verdict;
use crate::world::World;
use shared::json::Json;

type Outcome = Result<Answer, Failure>;

impl Why {
    fn read(&self, outcome: &Outcome) -> Told {
        match outcome {
            Ok(answer) => Verdict::read(&answer.body, &self.flag)
                .ok_or_else(|| "the answer says nothing about this flag".to_owned()),
            Err(Failure::Refused(problem)) => Err(problem.sentence()),
            Err(failure) => Err(format!("not answered: {failure}")),
        }
    }

    /// What is shown: what is, or what would be.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        let told = match self.imagined {
            Some(n) => self.otherwise.get(n).and_then(|other| other.told.as_ref()),
            None => self.told.as_ref(),
        };
        told.and_then(|told| told.as_ref().ok())
    }

    /// Takes an answer in, and asks on where it leads to more.
    pub(super) fn answered(&mut self, world: &World, tag: u32, outcome: &Outcome) -> Vec<Do> {
        match (tag, outcome) {
            (TOLD, outcome) => {
                self.asking = false;
                self.told = Some(self.read(outcome));
            }
            (CONFIG, Ok(answer)) if self.at.is_some() => self.past = Some(answer.body.clone()),
            (CONFIG, Ok(answer)) => {
                let (flag, environment) = (self.flag.clone(), self.environment.clone());
                let mine = answer.body.get("environment").and_then(Json::as_str);
                if mine.is_none_or(|mine| mine == environment) {
                    return vec![Do::KeepConfig(flag, environment, answer.body.clone())];
                }
            }
            (CONFIG, Err(_)) => {}
            (SEEN, outcome) => self.seen = seen(outcome),
            (tag, outcome) => {
                let Some(at) = tag.checked_sub(self.base).filter(|at| *at < ROOM) else { return Vec::new() };
                return self.more(world, at, outcome);
            }
        }
        Vec::new()
    }

    fn more(&mut self, world: &World, at: u32, outcome: &Outcome) -> Vec<Do> {
        let place = |from: u32| usize::try_from(at - from).unwrap_or(usize::MAX);
        if at >= GROUND {
            let Some(wanted) = self.asked_ground.get(place(GROUND)).cloned() else { return Vec::new() };
            let row = outcome.as_ref().map_or(Json::Null, |answer| answer.body.clone());
            self.ground.insert(wanted.clone(), row.clone());
            let mut asked = self.imagine(world);
            if !row.is_null() {
                let environment = self.environment.clone();
                asked.push(match wanted {
                    Wanted::Flag(key) => Do::KeepConfig(key, environment, row),
                    Wanted::Segment(_) => Do::KeepSegments(environment, vec![row]),
                });
            }
            return asked;
        }
        let told = self.read(outcome);
        if at >= VARIED {
            if let Some(varied) = self.varied.iter_mut().find(|varied| varied.id == at - VARIED) {
                varied.told = Some(told);
            }
        } else if let Some(key) = self.asked_elsewhere.get(place(PLACES)) {
            self.elsewhere.insert(key.clone(), told);
        }
        Vec::new()
    }
}

fn seen(outcome: &Outcome) -> Seen {
    match outcome {
        Ok(answer) if answer.body.get("enabled") == Some(&Json::Bool(false)) => {
            Seen::Not("this daemon keeps no contexts: events.contexts is off".to_owned())
        }
        Ok(answer) => {
            let contexts = answer.body.get("contexts").and_then(Json::as_array).unwrap_or_default();
            Seen::Listed(contexts.to_vec(), crate::cache::rows::number(answer.body.get("total")))
        }
        Err(Failure::Refused(problem)) if problem.status == 404 => {
            Seen::Not("this daemon keeps no contexts".to_owned())
        }
        Err(Failure::Refused(problem)) => Seen::Not(problem.sentence()),
        Err(failure) => Seen::Not(format!("not read: {failure}")),
    }
}

//! A change on its way: plan, review, apply, and what became of it.

use super::{App, Waiting};
use crate::effect::{Effect, Question, Read};
use crate::plan::{Apply, Plan, Wish};
use crate::request::{Answer, Failure, Problem};
use crate::route::Route;
use crate::screens::review::Review;
use crate::screens::{Event, Tone};
use crate::secret::Secret;
use crate::world::{Done, Pending};
use shared::json::Json;

/// What an answer shows only once: the keys of a new environment, or one new key beside its masked form.
fn once(body: &Json) -> Option<Json> {
    let key = || body.get("masked").and_then(|_| body.get("key"));
    body.get("credentials").or_else(key).cloned()
}

/// How many of my changes are kept for `u`.
const KEPT: usize = 50;

impl App {
    /// Begins a change: nothing is written, the daemon plans.
    pub(crate) fn wish(&mut self, layer: u64, wish: Box<Wish>) -> Vec<Effect> {
        if let Some(why) = self.barred(&wish) {
            self.toast(Tone::Warn, why);
            return Vec::new();
        }
        let read = Read::plan(&wish.dry_run());
        vec![self.ask(Waiting::Plan { layer, wish }, read)]
    }

    /// Why a change cannot be begun or applied now.
    fn barred(&self, wish: &Wish) -> Option<String> {
        if wish.touches.is_empty() {
            return self.world.writable(None).err().map(|closed| closed.to_string());
        }
        wish.touches
            .iter()
            .find_map(|t| self.world.writable(t.environment.as_deref()).err())
            .map(|c| c.to_string())
    }

    /// The daemon has planned, or refused to.
    pub(crate) fn planned(
        &mut self,
        layer: u64,
        wish: Box<Wish>,
        outcome: Result<Answer, Failure>,
    ) -> Vec<Effect> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Failure::Refused(problem)) => return self.refused(*wish, &problem),
            Err(failure) => {
                self.toast(Tone::Error, format!("not planned: {failure}"));
                return Vec::new();
            }
        };
        let title = wish.title.clone();
        let Some(plan) = Plan::read(*wish, &answer.body) else {
            self.toast(Tone::Error, "the daemon's plan cannot be read".to_owned());
            return Vec::new();
        };
        if plan.changes.is_empty() {
            self.toast(Tone::Info, format!("nothing to change: {title}"));
            if let Some(edit) = &plan.wish.edit {
                let document = edit.document.clone();
                self.world.drafts.remove(&document);
                return vec![Effect::DropDraft(document)];
            }
            return Vec::new();
        }
        if plan.confirmation.is_none() && !plan.wish.review {
            let comment = plan.wish.comment.clone();
            return self.apply(layer, &plan, "", &comment);
        }
        self.push(Box::new(Review::new(plan)))
    }

    /// Applies a plan, when what it needs was given.
    pub(crate) fn apply(&mut self, layer: u64, plan: &Plan, typed: &str, comment: &str) -> Vec<Effect> {
        let on_its_way = |write: &crate::world::Pending| {
            write.title == plan.wish.title && write.touches == plan.wish.touches
        };
        if self.world.pending.values().any(on_its_way) {
            self.toast(Tone::Warn, format!("on its way already: {}", plan.wish.title));
            return Vec::new();
        }
        if let Some(why) = self.barred(&plan.wish) {
            self.toast(Tone::Warn, why);
            return Vec::new();
        }
        let key = self.key_of_write();
        let apply = match plan.apply(typed, comment, key) {
            Ok(apply) => Box::new(apply),
            Err(missing) => {
                self.toast(Tone::Warn, missing.to_string());
                return Vec::new();
            }
        };
        let id = self.number();
        self.note(id, apply.request(), &plan.wish.cli);
        let wish = &plan.wish;
        let (title, touches) = (wish.title.clone(), wish.touches.clone());
        let pending = Pending { title, touches, unknown: false, applied: None };
        self.world.pending.insert(id, pending);
        self.waiting.insert(id, Waiting::Write { layer, apply: apply.clone() });
        vec![Effect::Write { id, apply }]
    }

    /// A write was answered, or its answer was lost.
    pub(crate) fn written(
        &mut self,
        id: u64,
        layer: u64,
        apply: Box<Apply>,
        outcome: Result<Answer, Failure>,
    ) -> Vec<Effect> {
        match outcome {
            Ok(answer) => {
                let revision = answer
                    .body
                    .get("revision")
                    .and_then(Json::as_i64)
                    .and_then(|r| u64::try_from(r).ok())
                    .or(answer.revision)
                    .unwrap_or_default();
                self.world.once = once(&answer.body).map(Secret::new);
                let effects = self.applied(id, layer, &apply, revision);
                self.world.once = None;
                effects
            }
            Err(Failure::Refused(problem)) => {
                self.world.pending.remove(&id);
                self.refused(apply.wish().clone(), &problem)
            }
            Err(Failure::Unreachable(why)) => {
                self.world.pending.remove(&id);
                self.toast(Tone::Error, format!("not applied, nothing was sent: {why}"));
                Vec::new()
            }
            Err(_) => {
                if let Some(pending) = self.world.pending.get_mut(&id) {
                    pending.unknown = true;
                }
                self.toast(Tone::Warn, format!("asking what became of it: {}", apply.wish().title));
                self.unresolved.push((layer, apply, id));
                if self.world.live() { self.resolve_all() } else { Vec::new() }
            }
        }
    }

    fn applied(&mut self, id: u64, layer: u64, apply: &Apply, revision: u64) -> Vec<Effect> {
        let wish = apply.wish();
        // What is shown is the old state until the feed tells of the new one.
        if let Some(pending) = self.world.pending.get_mut(&id) {
            pending.applied = Some((revision, self.world.now));
            pending.unknown = false;
        }
        self.world.settle_pending();
        if wish.lasting {
            self.toast(Tone::Info, format!("{} (rev {revision})", wish.title));
        } else {
            self.toast(Tone::Info, format!("{} (rev {revision})  u undo", wish.title));
            self.world.done.push(Done { revision, title: wish.title.clone(), at: self.world.now });
        }
        if self.world.done.len() > KEPT {
            self.world.done.remove(0);
        }
        let mut effects = Vec::new();
        if let Some(edit) = &wish.edit {
            self.world.drafts.remove(&edit.document);
            effects.push(Effect::DropDraft(edit.document.clone()));
        }
        // The review has done its work, whether or not it is still the topmost one.
        let review = self.stack.iter().any(|l| l.number == layer && l.screen.is_review());
        effects.extend(self.tell_all(&Event::Written { touches: &wish.touches, revision }));
        if review && let Some(at) = self.stack.iter().position(|l| l.number == layer).filter(|at| *at > 0) {
            self.stack.remove(at);
            effects.extend(self.tell_top(&Event::Returned));
        }
        effects
    }

    /// The daemon refused a plan or a write.
    fn refused(&mut self, wish: Wish, problem: &Problem) -> Vec<Effect> {
        self.toast(Tone::Error, problem.sentence());
        let mut effects = self.tell_all(&Event::Refused(problem));
        effects.extend(self.after_refusal(wish, problem));
        effects
    }

    fn after_refusal(&mut self, wish: Wish, problem: &Problem) -> Vec<Effect> {
        match problem.kind.as_str() {
            "plan-changed" => {
                self.toast(
                    Tone::Warn,
                    "what the plan rested on has changed: this is the new plan".to_owned(),
                );
                self.close_review();
                let wish = Box::new(wish.reviewed());
                let layer = self.stack.last().map_or(0, |l| l.number);
                self.wish(layer, wish)
            }
            "confirmation-required" => match problem.body.get("plan").and_then(|p| Plan::read(wish, p)) {
                Some(plan) => {
                    self.close_review();
                    self.push(Box::new(Review::new(plan)))
                }
                None => Vec::new(),
            },
            "conflict" | "stale" => match wish.edit {
                Some(edit) => {
                    self.close_review();
                    self.open(Route::Conflict {
                        document: edit.document,
                        base: edit.base,
                        ours: edit.ours,
                        text: edit.text,
                        base_revision: edit.base_revision,
                    })
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn close_review(&mut self) {
        if self.stack.len() > 1 && self.stack.last().is_some_and(|l| l.screen.is_review()) {
            self.stack.pop();
        }
    }

    /// Asks what became of the writes whose answers were lost.
    pub(crate) fn resolve_all(&mut self) -> Vec<Effect> {
        let lost = std::mem::take(&mut self.unresolved);
        lost.into_iter()
            .map(|(layer, apply, write)| {
                let read = Read::ask(Question::Resolve(apply.key()), None);
                self.ask(Waiting::Resolve { layer, apply, write }, read)
            })
            .collect()
    }

    /// The daemon says what became of a write.
    pub(crate) fn resolved(
        &mut self,
        layer: u64,
        apply: Box<Apply>,
        write: u64,
        outcome: Result<Answer, Failure>,
    ) -> Vec<Effect> {
        match outcome {
            Ok(answer) => {
                if answer.body.get("applied") == Some(&Json::Bool(true)) {
                    let revision = answer.body.get("revision").and_then(Json::as_i64);
                    let revision = revision.and_then(|r| u64::try_from(r).ok()).unwrap_or_default();
                    return self.applied(write, layer, &apply, revision);
                }
                self.world.pending.remove(&write);
                self.toast(Tone::Warn, format!("was not applied: {}", apply.wish().title));
                Vec::new()
            }
            Err(Failure::Refused(problem)) if problem.status != 503 => {
                self.world.pending.remove(&write);
                self.toast(Tone::Error, format!("look into the history: {}", problem.sentence()));
                Vec::new()
            }
            Err(_) => {
                // Asked again when the feed is back.
                self.unresolved.push((layer, apply, write));
                Vec::new()
            }
        }
    }
}

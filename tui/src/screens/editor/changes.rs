//! What comes from outside: the document, its draft, what the daemon says, what others change.

use super::{DOCUMENT, DRAFTS, ELSEWHERE, Editor, LARGEST, News, PAUSE, PLAN, Stage, Verdict};
use crate::cache::Heard;
use crate::edit::document::{self, Opened};
use crate::edit::{faults, known};
use crate::effect::{Draft, Effect, Read};
use crate::message::Edited;
use crate::plan::{Edit, Plan, Wish};
use crate::request::{Answer, Failure};
use crate::route::{Document, Route};
use crate::screens::{Do, Tone};
use crate::text;
use crate::widgets::code::Code;
use crate::world::World;
use shared::json::{Json, parse, pretty, tokens};

/// Why a text is too large to be edited here.
fn large(text: &str) -> Option<String> {
    let (bytes, lines, longest) = LARGEST;
    if text.len() > bytes {
        return Some(format!("{} KiB; {} are the most here", text.len() / 1024, bytes / 1024));
    }
    let count = text.matches('\n').count() + 1;
    if count > lines {
        let (count, lines) = (text::count(count as u64), text::count(lines as u64));
        return Some(format!("{count} lines; {lines} are the most here"));
    }
    let widest = text.split('\n').map(str::len).max().unwrap_or_default();
    (widest > longest)
        .then(|| format!("a line of {} KiB; {} are the most here", widest / 1024, longest / 1024))
}

impl Editor {
    pub(super) fn answered(&mut self, world: &World, tag: u32, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        match tag {
            DOCUMENT => match outcome {
                Ok(answer) => match document::opened(&self.document, answer) {
                    Some(opened) => self.loaded(world, opened),
                    None => self.failed("the answer holds no such document".to_owned()),
                },
                Err(failure) => self.failed(failure.to_string()),
            },
            PLAN => {
                self.judged(outcome);
                Vec::new()
            }
            _ => {
                let place = usize::try_from(tag.saturating_sub(ELSEWHERE)).unwrap_or(usize::MAX);
                let other = world.cache.environments.get(place);
                match (&self.document, other, outcome) {
                    (Document::Config { flag, .. }, Some(other), Ok(answer)) => {
                        vec![Do::KeepConfig(flag.clone(), other.key.clone(), answer.body.clone())]
                    }
                    _ => Vec::new(),
                }
            }
        }
    }

    fn failed(&mut self, why: String) -> Vec<Do> {
        if !self.ready() {
            self.stage = Stage::Failed(why);
        }
        Vec::new()
    }

    /// The document is there: with the draft that was kept of it, where there is one.
    fn loaded(&mut self, world: &World, opened: Opened) -> Vec<Do> {
        if self.ready() {
            return self.looked_again(opened);
        }
        self.schema = known::schema(&self.document, opened.value_schema.as_ref(), world);
        self.base = opened.value.clone();
        self.base_text = pretty(&self.base);
        self.base_revision = opened.revision;
        self.opened = Some(opened);
        let Some(draft) = world.drafts.get(&self.document).cloned() else {
            let text = self.base_text.clone();
            return self.begin(world, &text);
        };
        let began = parse(&draft.base).ok();
        if began.as_ref() == Some(&self.base) {
            self.base_revision = self.base_revision.max(draft.base_revision);
        } else {
            let base = began.unwrap_or_default();
            if let Ok(ours) = parse(&draft.text) {
                // What was typed for another version is settled with this one first.
                return vec![Do::Replace(Route::Conflict {
                    document: self.document.clone(),
                    base,
                    ours,
                    text: draft.text,
                    base_revision: draft.base_revision,
                })];
            }
            self.base = base;
            self.base_text = draft.base.clone();
            self.base_revision = draft.base_revision;
        }
        let age = text::age(draft.saved_at, world.now);
        self.note = Some(format!("this is your draft of {age} ago; ctrl-d throws it away"));
        self.begin(world, &draft.text)
    }

    fn begin(&mut self, world: &World, text: &str) -> Vec<Do> {
        self.code = Code::new(text);
        self.read(world);
        self.undrafted = false;
        if let Some(why) = large(text) {
            self.stage = Stage::Large(why);
            return self.external();
        }
        self.stage = Stage::Ready;
        Vec::new()
    }

    /// The document was read again, after the connection was lost.
    fn looked_again(&mut self, opened: Opened) -> Vec<Do> {
        let seen = self.opened.as_ref().map_or(0, |old| old.changed);
        if opened.changed > seen
            && opened.value != self.base
            && let Some(at) = opened.at
        {
            self.news = Some(News { actor: opened.by, at, revision: opened.changed });
        }
        Vec::new()
    }

    /// A screen above is gone: it may have thrown the draft away, or made another one of it.
    pub(super) fn returned(&mut self, world: &World) -> Vec<Do> {
        let same = match world.drafts.get(&self.document) {
            Some(draft) => draft.text == self.code.text() && draft.base == self.base_text,
            None => !self.modified(),
        };
        if same || self.undrafted || !self.ready() {
            return Vec::new();
        }
        self.stage = Stage::Loading;
        self.news = None;
        self.reread()
    }

    pub(super) fn reread(&self) -> Vec<Do> {
        vec![Do::Ask(DOCUMENT, Read::get(document::path(&self.document)))]
    }

    /// The text is another one: it is read at once, and the daemon asked after a pause.
    fn read(&mut self, world: &World) {
        self.generation += 1;
        self.changed_at = world.now;
        self.tokens = tokens(self.code.text());
        self.value = faults::read(self.code.text());
        self.verdict = match &self.value {
            Ok(value) if *value != self.base => Verdict::Due,
            _ => Verdict::Idle,
        };
    }

    /// After each change of the text.
    pub(super) fn changed(&mut self, world: &World) {
        self.read(world);
        self.undrafted = true;
        self.note = None;
        self.discard_at = None;
    }

    /// Does what is due: a draft, a question to the daemon.
    pub(super) fn tick(&mut self, world: &World) -> Vec<Do> {
        let mut wanted = Vec::new();
        if self.undrafted && world.now - self.drafted_at >= DRAFTS {
            wanted.extend(self.draft(world));
        }
        if self.verdict == Verdict::Due && world.now - self.changed_at >= PAUSE {
            if let (Ok(value), true) = (self.value.clone(), world.live()) {
                self.verdict = Verdict::Asked(self.generation);
                wanted.push(Do::Ask(PLAN, Read::plan(&self.wish(value).dry_run())));
            } else {
                self.verdict = Verdict::Unknown("not connected: the daemon was not asked".to_owned());
            }
        }
        wanted
    }

    /// The draft as it has to be on disk now.
    pub(super) fn draft(&mut self, world: &World) -> Vec<Do> {
        if !self.undrafted {
            return Vec::new();
        }
        self.undrafted = false;
        self.drafted_at = world.now;
        if !self.modified() {
            return vec![Do::DropDraft(self.document.clone())];
        }
        vec![Do::Draft(Box::new(Draft {
            document: self.document.clone(),
            text: self.code.text().to_owned(),
            base: self.base_text.clone(),
            base_revision: self.base_revision,
            saved_at: world.now,
        }))]
    }

    pub(super) fn wish(&self, ours: Json) -> Wish {
        document::wish(Edit {
            document: self.document.clone(),
            base: self.base.clone(),
            ours,
            text: self.code.text().to_owned(),
            base_revision: self.base_revision,
        })
    }

    /// The daemon has planned the text, or refused it.
    fn judged(&mut self, outcome: &Result<Answer, Failure>) {
        if self.verdict != Verdict::Asked(self.generation) {
            return;
        }
        self.verdict = match (outcome, self.value.clone()) {
            (Ok(answer), Ok(value)) => match Plan::read(self.wish(value), &answer.body) {
                Some(plan) => Verdict::Fine(plan.warnings),
                None => Verdict::Unknown("the daemon's answer cannot be read".to_owned()),
            },
            (Err(Failure::Refused(problem)), _) => {
                let found = faults::refused(self.code.text(), problem, &document::within(&self.document));
                match problem.kind.as_str() {
                    "conflict" | "stale" => {
                        Verdict::Unknown("somebody else changed the same: the review will ask".to_owned())
                    }
                    _ if found.is_empty() => Verdict::Unknown(problem.sentence()),
                    _ => Verdict::Wrong(found),
                }
            }
            (Err(failure), _) => Verdict::Unknown(failure.to_string()),
            (_, Err(_)) => Verdict::Idle,
        };
    }

    /// The feed told of changes: whether somebody else changed this document.
    pub(super) fn heard(&mut self, world: &World, heard: &Heard) {
        let (kind, place) = match &self.document {
            Document::Config { environment, .. } => ("config", environment.as_str()),
            Document::Segment { environment, .. } => ("segment", environment.as_str()),
            Document::Flag { .. } | Document::Variation { .. } => ("flag", ""),
        };
        let ours = |k: &str, key: &str, e: &str| k == kind && key == self.document.key() && e == place;
        if !heard.touched.iter().any(|(k, key, e)| ours(k, key, e)) {
            return;
        }
        // A change of mine that is on its way is told by the feed too.
        if world.is_pending(self.document.key(), place) {
            return;
        }
        let line = world.cache.events.iter().rev().find(|l| ours(&l.kind, &l.key, &l.environment));
        if let Some(line) = line.filter(|line| line.revision > self.base_revision) {
            self.news = Some(News {
                actor: line.actor.clone(),
                at: line.at.unwrap_or(world.now),
                revision: line.revision,
            });
        }
    }

    /// Hands the text to `$EDITOR`.
    pub(super) fn external(&self) -> Vec<Do> {
        let (document, text) = (self.document.clone(), self.code.text().to_owned());
        vec![Do::Effect(Effect::Edit { document, text })]
    }

    /// `$EDITOR` ended: what it left goes to review, never further.
    pub(super) fn edited(&mut self, world: &World, edited: &Edited) -> Vec<Do> {
        match edited {
            Edited::Unchanged => vec![Do::Toast(Tone::Info, "the text is unchanged".to_owned())],
            Edited::Failed(why) => vec![Do::Toast(Tone::Warn, format!("the editor failed: {why}"))],
            Edited::Text(text) => {
                // Editors end files with a line end; the document has none.
                let text = text.strip_suffix('\n').unwrap_or(text);
                if let Stage::Large(_) = self.stage {
                    self.code = Code::new(text);
                    self.stage = large(text).map_or(Stage::Ready, Stage::Large);
                } else if let Some(why) = large(text) {
                    self.code = Code::new(text);
                    self.stage = Stage::Large(why);
                } else {
                    self.code.set(text);
                }
                self.changed(world);
                let mut wanted = self.draft(world);
                if self.value.is_ok() {
                    wanted.extend(self.review(world));
                }
                wanted
            }
        }
    }

    /// Takes a paste, when the text stays small enough.
    pub(super) fn pasted(&mut self, world: &World, pasted: &str) -> Vec<Do> {
        if let super::Pane::Find(field) = &mut self.pane {
            field.paste(pasted);
            return Vec::new();
        }
        if !self.ready() {
            return Vec::new();
        }
        let whole = self.code.text().len() + pasted.len();
        let long = pasted.lines().map(str::len).max().unwrap_or_default();
        if large(pasted).is_some() || whole > LARGEST.0 || long + 1_024 > LARGEST.2 {
            let said = "too large to be pasted here: ctrl-g opens $EDITOR".to_owned();
            return vec![Do::Toast(Tone::Warn, said)];
        }
        self.pane = super::Pane::None;
        if self.code.paste(pasted) {
            self.changed(world);
        }
        Vec::new()
    }

    /// Whether a second press came soon enough after the first one.
    pub(super) fn asked_again(&mut self, world: &World) -> bool {
        let again = self.discard_at.is_some_and(|at| world.now - at < super::AGAIN);
        self.discard_at = (!again).then_some(world.now);
        again
    }

    /// Throws the draft away: the text is again the document as it is now.
    pub(super) fn discard(&mut self, world: &World) -> Vec<Do> {
        if !self.asked_again(world) {
            let said = "throws your draft away; ctrl-d again does it".to_owned();
            return vec![Do::Toast(Tone::Warn, said)];
        }
        self.stage = Stage::Loading;
        self.note = None;
        self.news = None;
        self.undrafted = false;
        let again = Do::Ask(DOCUMENT, Read::get(document::path(&self.document)));
        let said = Do::Toast(Tone::Info, "the draft is gone".to_owned());
        vec![Do::DropDraft(self.document.clone()), again, said]
    }
}

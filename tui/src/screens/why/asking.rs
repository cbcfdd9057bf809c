//! What the question why asks of the daemon.

use super::state::{ELSEWHERE, Otherwise, ROOM, Seen, Varied, WHAT_IF, Why};
use crate::cache::Heard;
use crate::effect::{Question, Read};
use crate::request::encoded;
use crate::route::Document;
use crate::screens::Do;
use crate::widgets::context_text;
use crate::widgets::edits::config_path;
use crate::widgets::imagined::{self, Imagined, Wanted};
use crate::widgets::verdict::Verdict;
use crate::world::World;
use shared::json::Json;

/// The steps.
pub(super) const TOLD: u32 = 1;
/// The configuration.
pub(super) const CONFIG: u32 = 2;
/// The contexts that were seen.
pub(super) const SEEN: u32 = 3;
/// In a round: the environments, by their place.
pub(super) const PLACES: u32 = 0;
/// In a round: the variations of the context, by their number.
pub(super) const VARIED: u32 = 2_000;
/// In a round: what an evaluation rests on, by its place.
pub(super) const GROUND: u32 = 4_000;
/// How many contexts are read.
const CONTEXTS: usize = 100;

impl Why {
    fn question(&self, environment: &str, context: &Json, explain: bool) -> Read {
        let mut body: Json = [
            ("environment", Json::from(environment)),
            ("context", context.clone()),
            ("flagKey", Json::from(self.flag.as_str())),
            ("explain", Json::Bool(explain)),
        ]
        .into_iter()
        .collect();
        if let Some(at) = &self.at {
            body.set("at", Json::from(at.as_str()));
        }
        Read::ask(Question::Evaluate, Some(body))
    }

    /// Asks everything anew that is shown.
    pub(super) fn ask(&mut self, world: &World) -> Vec<Do> {
        self.base = self.base.checked_add(ROOM).filter(|base| *base < u32::MAX - ROOM).unwrap_or(ROOM);
        self.elsewhere.clear();
        self.otherwise.clear();
        self.ground.clear();
        self.asked_ground.clear();
        self.imagined = None;
        for varied in &mut self.varied {
            varied.told = None;
        }
        let Some(context) = &self.context else { return Vec::new() };
        if self.environment.is_empty() {
            return Vec::new();
        }
        self.asking = true;
        let mut wanted = vec![Do::Ask(TOLD, self.question(&self.environment, context, true))];
        let path = config_path(&self.flag, &self.environment);
        let here = (self.flag.clone(), self.environment.clone());
        match &self.at {
            Some(at) => wanted.push(Do::Ask(CONFIG, Read::get(format!("{path}?at={}", encoded(at))))),
            None if !world.cache.configs.contains_key(&here) => {
                wanted.push(Do::Ask(CONFIG, Read::get(path)));
            }
            None => {}
        }
        match self.tab {
            ELSEWHERE => wanted.extend(self.ask_elsewhere(world)),
            WHAT_IF => wanted.extend(self.ask_what_if(world)),
            _ => {}
        }
        wanted
    }

    /// Asks the same of every environment.
    pub(super) fn ask_elsewhere(&mut self, world: &World) -> Vec<Do> {
        let Some(context) = &self.context else { return Vec::new() };
        self.asked_elsewhere = world.cache.environments.iter().map(|e| e.key.clone()).collect();
        (self.base + PLACES..)
            .zip(self.asked_elsewhere.iter().take(1_000))
            .map(|(tag, key)| Do::Ask(tag, self.question(key, context, false)))
            .collect()
    }

    /// Asks what is served with something changed.
    pub(super) fn ask_what_if(&mut self, world: &World) -> Vec<Do> {
        let mut wanted: Vec<Do> = self
            .varied
            .iter()
            .filter(|varied| varied.told.is_none())
            .map(|varied| self.ask_varied(varied.id, &varied.context))
            .collect();
        if self.otherwise.is_empty() && self.at.is_none() {
            self.otherwise = otherwise(world, &self.flag, &self.environment);
            wanted.extend(self.imagine(world));
        }
        wanted
    }

    /// Decides what other configurations would serve, and asks for what that rests on.
    pub(super) fn imagine(&mut self, world: &World) -> Vec<Do> {
        let Some(context) = &self.context else { return Vec::new() };
        let mut missing: Vec<Wanted> = Vec::new();
        for other in &mut self.otherwise {
            let at = (self.flag.as_str(), self.environment.as_str());
            match imagined::decide(world, at, &other.document, context, &self.ground) {
                Imagined::Decided(steps) => other.told = Some(Ok(Verdict::of(*steps))),
                Imagined::Fault(why) => other.told = Some(Err(why)),
                Imagined::Missing(more) => missing.extend(more),
            }
        }
        missing.sort();
        missing.dedup();
        // What was asked for stays at its place: its tag says so.
        let known = self.asked_ground.len();
        missing.retain(|wanted| !self.asked_ground.contains(wanted));
        self.asked_ground.extend(missing);
        let path = |wanted: &Wanted| match wanted {
            Wanted::Flag(key) => config_path(key, &self.environment),
            Wanted::Segment(key) => {
                format!("/api/environments/{}/segments/{}", encoded(&self.environment), encoded(key))
            }
        };
        (self.base + GROUND..)
            .zip(&self.asked_ground)
            .skip(known)
            .map(|(tag, wanted)| Do::Ask(tag, Read::get(path(wanted))))
            .collect()
    }

    /// Adds a variation of the context, and asks about it.
    pub(super) fn vary(&mut self, typed: &str) -> Result<Vec<Do>, String> {
        let Some(context) = &self.context else { return Err("there is no context yet".to_owned()) };
        let context = context_text::vary(context, typed)?;
        let id = self.next_varied;
        self.next_varied = (id + 1) % (GROUND - VARIED);
        let ask = self.ask_varied(id, &context);
        self.varied.push(Varied { id, typed: typed.trim().to_owned(), context, told: None });
        Ok(vec![ask])
    }

    fn ask_varied(&self, id: u32, context: &Json) -> Do {
        Do::Ask(self.base + VARIED + id, self.question(&self.environment, context, false))
    }

    /// Asks which contexts were seen.
    pub(super) fn ask_seen(&mut self) -> Vec<Do> {
        self.seen = Seen::Reading;
        let mut path = format!("/api/environments/{}/contexts?limit={CONTEXTS}", encoded(&self.environment));
        if !self.find.is_empty() {
            path.push_str(&format!("&q={}", encoded(&self.find)));
        }
        vec![Do::Ask(SEEN, Read::get(path))]
    }

    /// Whether a change may change the answer: of the flag, of a prerequisite, of any segment here.
    pub(super) fn concerned(&self, heard: &Heard) -> bool {
        if self.at.is_some() || self.context.is_none() {
            return false;
        }
        let steps = self.told.as_ref().and_then(|told| told.as_ref().ok()).and_then(|v| v.steps.as_ref());
        heard.touched.iter().any(|(kind, key, environment)| match kind.as_str() {
            "flag" | "config" => {
                let here =
                    environment.is_empty() || *environment == self.environment || self.tab == ELSEWHERE;
                here && (*key == self.flag || steps.is_some_and(|steps| names(steps, key)))
            }
            "segment" => *environment == self.environment,
            _ => false,
        })
    }

    /// The same question on the command line.
    pub(super) fn cli(&self, context: &Json) -> String {
        let at = self.at.as_ref().map_or(String::new(), |at| format!(" --at {at}"));
        let context = context.to_text().replace('\'', "'\\''");
        format!("flagstaff eval {} --env {} --context '{context}'{at} --explain", self.flag, self.environment)
    }
}

/// Whether a flag was looked at as a prerequisite, however deep.
fn names(steps: &shared::eval::Explanation, key: &str) -> bool {
    steps
        .prerequisites
        .iter()
        .any(|step| step.key == key || step.explanation.as_ref().is_some_and(|steps| names(steps, key)))
}

/// The configuration as it is not: turned, as staged, as drafted.
fn otherwise(world: &World, flag: &str, environment: &str) -> Vec<Otherwise> {
    let at = (flag.to_owned(), environment.to_owned());
    let row = world.cache.configs.get(&at);
    let Some(now) = row.and_then(|row| row.get("config").or_else(|| row.get("document"))) else {
        return Vec::new();
    };
    let on = now.get("on") == Some(&Json::Bool(true));
    let mut turned = now.clone();
    turned.set("on", Json::Bool(!on));
    let title = if on { "turned off" } else { "turned on" };
    let mut all = vec![Otherwise { title, document: turned, told: None }];
    if let Some(staged) = world.staged.get(&at) {
        all.push(Otherwise { title: "as staged", document: staged.document.clone(), told: None });
    }
    let document = Document::Config { flag: at.0, environment: at.1 };
    if let Some(draft) = world.drafts.get(&document) {
        let title = "as drafted";
        all.push(match shared::json::parse(&draft.text) {
            Ok(document) => Otherwise { title, document, told: None },
            Err(error) => {
                let told = Some(Err(format!("the draft is no JSON: {error}")));
                Otherwise { title, document: Json::Null, told }
            }
        });
    }
    all
}

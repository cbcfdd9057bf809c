//! Where to promote flags to: the environments, and what would change there.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::cache::rows::{EnvironmentRow, text as member};
use crate::canvas::Canvas;
use crate::effect::Read;
use crate::plan::{Touch, Wish, diff};
use crate::request::{Answer, Failure, Method, Request, encoded};
use crate::route::{Form, Route};
use crate::text;
use crate::theme::Token;
use crate::widgets::lines::{Line, Pane};
use crate::widgets::list::List;
use crate::world::World;
use ratatui::layout::Rect;
use shared::json::Json;
use std::collections::BTreeMap;

/// What can be done here.
pub const ACTIONS: &[Action] = &[
    Action::writes("promote.apply", &["enter"], "promote..", "Review the promotion into this environment.")
        .cli("flagstaff flag promote KEY --from ENVIRONMENT --to ENVIRONMENT"),
    Action::reads(
        "promote.include",
        &["i"],
        "what is taken",
        "Take targeting and on or off, only the targeting, or only on or off.",
    ),
    Action::reads(
        "promote.segments",
        &["s"],
        "segments",
        "Copy segments that the flags name and the environment lacks, or not.",
    ),
];

const COMPARE: u32 = 1;

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Include {
    Both,
    Targeting,
    On,
}

impl Include {
    fn words(self) -> &'static str {
        match self {
            Self::Both => "targeting and on/off",
            Self::Targeting => "only the targeting",
            Self::On => "only on/off",
        }
    }

    fn takes(self, path: &str) -> bool {
        match self {
            Self::Both => true,
            Self::Targeting => path != "/on",
            Self::On => path == "/on",
        }
    }
}

/// A place in a document: pointer, before, after.
type Difference = (String, Option<Json>, Option<Json>);

/// How a flag stands in the two environments.
#[derive(Clone, Debug, PartialEq)]
struct Compared {
    standing: String,
    diff: Vec<Difference>,
}

/// What is known of one target: the flags, and whether that is all.
type Known = Result<BTreeMap<String, Compared>, String>;

/// The form of a promotion.
#[derive(Debug)]
pub struct Promote {
    flags: Vec<String>,
    from: String,
    list: List,
    pane: Pane,
    include: Include,
    segments: bool,
    known: BTreeMap<String, Known>,
    /// The environment whose comparison is being read, and what came of it so far.
    asked: Option<(String, BTreeMap<String, Compared>)>,
    sent: bool,
}

impl Promote {
    /// The form for these flags, out of an environment.
    #[must_use]
    pub fn new(flags: Vec<String>, from: String, world: &World) -> Self {
        let mut form = Self {
            flags,
            from,
            list: List::default(),
            pane: Pane::default(),
            include: Include::Both,
            segments: false,
            known: BTreeMap::new(),
            asked: None,
            sent: false,
        };
        // The next one on the way to production is meant most often.
        let all = &world.cache.environments;
        let next = all.iter().skip_while(|e| e.key != form.from).nth(1).map(|e| e.key.clone());
        let targets = form.targets(world);
        form.list.at = next.and_then(|key| targets.iter().position(|e| e.key == key)).unwrap_or(0);
        form
    }

    fn targets<'w>(&self, world: &'w World) -> Vec<&'w EnvironmentRow> {
        world.cache.environments.iter().filter(|e| e.key != self.from).collect()
    }

    fn target<'w>(&self, world: &'w World) -> Option<&'w EnvironmentRow> {
        self.targets(world).get(self.list.at).copied()
    }

    fn ask(&mut self, world: &World, cursor: Option<&str>) -> Vec<Do> {
        let Some(to) = self.target(world).map(|e| e.key.clone()) else { return Vec::new() };
        if cursor.is_none() {
            if self.known.contains_key(&to) || self.asked.as_ref().is_some_and(|(asked, _)| *asked == to) {
                return Vec::new();
            }
            self.asked = Some((to.clone(), BTreeMap::new()));
        }
        // From what stands there to what comes: as the promotion will do it.
        let mut path = format!(
            "/api/environments/compare?left={}&right={}&limit=1000",
            encoded(&to),
            encoded(&self.from)
        );
        if let [one] = self.flags.as_slice() {
            path.push_str(&format!("&q={}", encoded(one)));
        }
        if let Some(cursor) = cursor {
            path.push_str(&format!("&cursor={}", encoded(cursor)));
        }
        vec![Do::Ask(COMPARE, Read::get(path))]
    }

    fn answer(&mut self, world: &World, outcome: &Result<Answer, Failure>) -> Vec<Do> {
        let Some((to, found)) = &mut self.asked else { return Vec::new() };
        let to = to.clone();
        let body = match outcome {
            Ok(answer) => &answer.body,
            Err(failure) => {
                self.known.insert(to, Err(failure.to_string()));
                self.asked = None;
                return Vec::new();
            }
        };
        for flag in body.get("flags").and_then(Json::as_array).unwrap_or_default() {
            let Some(key) = member(flag.get("key")).filter(|key| self.flags.contains(key)) else { continue };
            let standing = member(flag.get("standing")).unwrap_or_default();
            found.insert(key, Compared { standing, diff: diff(flag.get("diff")) });
        }
        let more = member(body.get("nextCursor")).filter(|_| found.len() < self.flags.len());
        // The selection may have gone on meanwhile.
        let still = self.target(world).is_some_and(|e| e.key == to);
        match more.filter(|_| still) {
            Some(cursor) => self.ask(world, Some(&cursor)),
            None => {
                if let Some((to, found)) = self.asked.take() {
                    self.known.insert(to, Ok(found));
                }
                Vec::new()
            }
        }
    }

    /// What would change in an environment, flag by flag.
    fn lines(&self, to: &str, width: u16) -> Vec<Line<()>> {
        let known = match self.known.get(to) {
            None => return vec![Line::new("reading ..", Token::Dim)],
            Some(Err(why)) => return vec![Line::new(format!("not read: {why}"), Token::Error)],
            Some(Ok(known)) => known,
        };
        let columns = usize::from(width);
        let longest = known.values().flat_map(|compared| &compared.diff).map(|(path, ..)| text::width(path));
        let room = longest.max().unwrap_or(0).clamp(8, (columns * 9 / 20).max(8));
        let side = (columns.saturating_sub(room + 10) / 2).max(8);
        let mut lines = Vec::new();
        for key in &self.flags {
            let Some(compared) = known.get(key) else {
                let said = format!("neither in {} nor in {to}", self.from);
                lines.push(Line::new(key.clone(), Token::Strong).ending(said, Token::Bad));
                continue;
            };
            let taken: Vec<_> = compared.diff.iter().filter(|(path, ..)| self.include.takes(path)).collect();
            let (said, token) = match (compared.standing.as_str(), taken.len()) {
                ("only-right", _) => (format!("new in {to}"), Token::DiffAdd),
                ("only-left", _) => (format!("not in {}: nothing to take", self.from), Token::Bad),
                (_, 0) => ("the same already".to_owned(), Token::Dim),
                (_, 1) => ("1 difference".to_owned(), Token::DiffChange),
                (_, n) => (format!("{n} differences"), Token::DiffChange),
            };
            lines.push(Line::new(key.clone(), Token::Strong).ending(said, token));
            for (path, before, after) in taken {
                let short = |json: &Option<Json>| json.as_ref().map_or("(absent)".to_owned(), Json::to_text);
                let (mark, token) = match (before, after) {
                    (None, _) => ('+', Token::DiffAdd),
                    (_, None) => ('-', Token::DiffDel),
                    _ => ('~', Token::DiffChange),
                };
                lines.push(
                    Line::new(format!("{} ", text::pad(path, room)), token)
                        .then(text::pad(&short(before), side), Token::Plain)
                        .then(" -> ", Token::Dim)
                        .then(text::fit(&short(after), side), Token::Plain)
                        .marked(mark),
                );
            }
        }
        lines
    }

    /// Whether something is known to change.
    fn changes(&self, to: &str) -> Option<bool> {
        let known = self.known.get(to)?.as_ref().ok()?;
        Some(known.values().any(|compared| {
            compared.standing == "only-right"
                || compared.diff.iter().any(|(path, ..)| self.include.takes(path))
        }))
    }

    fn wish(&self, to: &str) -> Wish {
        let keys = self.flags.iter().map(|key| Json::from(key.as_str())).collect::<Vec<_>>();
        let mut body: Json =
            [("from", Json::from(self.from.as_str())), ("to", Json::from(to)), ("flags", Json::Array(keys))]
                .into_iter()
                .collect();
        let mut cli =
            format!("flagstaff flag promote {} --from {} --to {to}", self.flags.join(" "), self.from);
        let only = match self.include {
            Include::Both => None,
            Include::Targeting => Some("targeting"),
            Include::On => Some("on"),
        };
        if let Some(only) = only {
            body.set("include", Json::Array(vec![Json::from(only)]));
            cli.push_str(&format!(" --include {only}"));
        }
        if self.segments {
            body.set("segments", Json::Bool(true));
            cli.push_str(" --segments");
        }
        let what = match self.flags.as_slice() {
            [one] => one.clone(),
            many => format!("{} flags", many.len()),
        };
        let touch = |key: &String| Touch { key: key.clone(), environment: Some(to.to_owned()) };
        let request = Request::new(Method::Post, "/api/environments/promote").with_body(body);
        Wish::request(
            format!("promote {what} from {} to {to}", self.from),
            request,
            self.flags.iter().map(touch).collect(),
        )
        .with_cli(cli)
        .reviewed()
    }

    /// How many rows the environments take.
    fn rows(&self, world: &World, height: u16) -> u16 {
        let most = height / 3;
        u16::try_from(self.targets(world).len()).unwrap_or(most).clamp(1, most.max(1))
    }

    fn act(&mut self, world: &World, id: &str) -> Vec<Do> {
        let height = world.body().1;
        let rows = self.rows(world, height);
        match id {
            "global.escape" => return vec![Do::Back],
            "promote.apply" => {
                let Some(to) = self.target(world).map(|e| e.key.clone()) else { return Vec::new() };
                self.sent = true;
                return vec![Do::Wish(Box::new(self.wish(&to)))];
            }
            "promote.include" => {
                self.include = match self.include {
                    Include::Both => Include::Targeting,
                    Include::Targeting => Include::On,
                    Include::On => Include::Both,
                };
            }
            "promote.segments" => self.segments = !self.segments,
            "move.half-down" | "move.half-up" | "move.page-down" | "move.page-up" => {
                let Some(to) = self.target(world).map(|e| e.key.clone()) else { return Vec::new() };
                let lines = self.lines(&to, world.size.0);
                self.pane.act(id, &lines, usize::from(height.saturating_sub(rows + 6)));
            }
            _ => {
                let id = match id {
                    "move.left" | "move.environment-back" => "move.up",
                    "move.right" | "move.environment" => "move.down",
                    other => other,
                };
                if self.list.act(id, self.targets(world).len(), usize::from(rows)) {
                    self.pane = Pane::default();
                    return self.ask(world, None);
                }
            }
        }
        Vec::new()
    }
}

impl Screen for Promote {
    fn route(&self) -> Route {
        Route::Form(Form::Promote { flags: self.flags.clone(), from: self.from.clone() })
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    /// The environment that is written: where the flags go.
    fn environment(&self, world: &World) -> Option<Option<String>> {
        Some(Some(self.target(world).map_or_else(|| self.from.clone(), |e| e.key.clone())))
    }

    fn flag(&self, _world: &World) -> Option<String> {
        self.flags.first().cloned()
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        match event {
            Event::Opened => self.ask(world, None),
            Event::Resynced => {
                self.known.clear();
                self.asked = None;
                self.ask(world, None)
            }
            Event::Heard(heard) => {
                let mine = |(kind, key, _): &(String, String, String)| {
                    kind == "config" && self.flags.iter().any(|flag| flag == key)
                };
                if heard.reload || heard.touched.iter().any(mine) {
                    self.known.clear();
                    self.asked = None;
                    return self.ask(world, None);
                }
                Vec::new()
            }
            Event::Answer { tag: COMPARE, outcome } => self.answer(world, outcome),
            Event::Action(id) => self.act(world, id),
            Event::Refused(problem) => {
                self.sent &= ["plan-changed", "confirmation-required"].contains(&problem.kind.as_str());
                Vec::new()
            }
            Event::Returned => {
                self.sent = false;
                Vec::new()
            }
            Event::Written { touches, .. } if self.sent => {
                let mine = touches.iter().any(|touch| self.flags.contains(&touch.key));
                if mine { vec![Do::Back] } else { Vec::new() }
            }
            Event::Mouse(_, row, 0) => {
                let rows = usize::from(self.rows(world, world.body().1));
                if self.list.click(row.checked_sub(3), self.targets(world).len(), rows) {
                    self.pane = Pane::default();
                    return self.ask(world, None);
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        let (width, height) = (canvas.width(), canvas.height());
        let end = canvas.put_right(0, &format!("from {} ", text::fit(&self.from, 24)), Token::Dim);
        let what = match self.flags.as_slice() {
            [one] => one.clone(),
            many => format!("{} flags", many.len()),
        };
        let x = canvas.put(1, 0, "Promote > ", Token::Dim);
        canvas.put_fit(x, 0, end.saturating_sub(x + 1), &what, Token::Title);
        let targets = self.targets(world);
        let rows = self.rows(world, height);
        canvas.put(3, 2, "TO", Token::Heading);
        if targets.is_empty() {
            canvas.put(3, 3, "there is no other environment", Token::Dim);
            return;
        }
        let mut list = self.list.clone();
        list.settle(targets.len(), usize::from(rows));
        for (n, e) in targets.iter().enumerate().skip(list.top).take(usize::from(rows)) {
            let y = 3 + u16::try_from(n - list.top).unwrap_or(0);
            let here = n == list.at;
            canvas.put(1, y, if here { ">" } else { " " }, Token::Strong);
            let token = if here { Token::Selected } else { Token::Plain };
            canvas.put_fit(3, y, 24, &e.key, token);
            let word = if e.protected { format!("{} (protected)", e.class) } else { e.class.clone() };
            canvas.put_fit(28, y, 26, &word, Token::Dim);
            if let [flag] = self.flags.as_slice()
                && let Some(row) = world.cache.flags.get(flag)
            {
                let (word, token) = crate::widgets::matrix::cell(world, row, &e.key);
                canvas.put_fit(55, y, width.saturating_sub(56), &format!("now {word}"), token);
            }
        }
        let to = targets.get(list.at).map_or("", |e| e.key.as_str());
        let y = 3 + rows;
        let segments = if self.segments { "segments too" } else { "segments stay" };
        let right = format!("{}, {segments}", self.include.words());
        canvas.rule(y + 1, &format!("changes in {to}"), &right);
        let lines = self.lines(to, width);
        let mut body = canvas.sub(Rect::new(0, y + 2, width, height.saturating_sub(y + 2)));
        self.pane.view(&mut body, &lines, 4);
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["promote.apply", "move.down", "promote.include", "promote.segments", "global.escape"]
    }

    fn available(&self, world: &World, action: &str) -> Result<(), String> {
        if action != "promote.apply" {
            return Ok(());
        }
        match self.target(world) {
            None => Err("there is no other environment".to_owned()),
            Some(e) if self.changes(&e.key) == Some(false) => {
                Err(format!("nothing differs between {} and {}", self.from, e.key))
            }
            Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenery::{act, answer, body, drawn, tell, text, wish, world};

    const ANSWER: &str = r#"{"revision":9,"left":"production","right":"staging","flags":[
        {"key":"checkout","standing":"differs","left":{},"right":{},"diff":[{"path":"/on","op":"replace","before":false,"after":true},{"path":"/fallthrough/variation","op":"remove","before":0},{"path":"/rules","op":"add","after":[]}]},
        {"key":"checkout-2","standing":"only-right","left":null,"right":{},"diff":[]}],"segments":[],"nextCursor":null}"#;

    fn form(flags: &[&str]) -> (Promote, World) {
        let mut world = world();
        let flags = flags.iter().map(|key| (*key).to_owned()).collect();
        let mut form = Promote::new(flags, "staging".to_owned(), &world);
        tell(&mut form, &mut world, &Event::Opened);
        (form, world)
    }

    fn answered(flags: &[&str]) -> (Promote, World) {
        let (mut form, mut world) = form(flags);
        tell(&mut form, &mut world, &Event::Answer { tag: COMPARE, outcome: &answer(ANSWER) });
        (form, world)
    }

    #[test]
    fn what_would_change_is_shown_as_it_would_change() {
        let (form, world) = answered(&["checkout"]);
        let expected = "
 Promote > checkout                                                from staging

   TO
 > production               production (protected)     now off

-- changes in production ---------------- targeting and on/off, segments stay --
    checkout                                                      3 differences
  ~ /on                    false                    -> true
  - /fallthrough/variation 0                        -> (absent)
  + /rules                 (absent)                 -> []";
        let shown = format!("\n{}", drawn(&form, &world, 80, 12).join("\n"));
        assert_eq!(shown.trim_end(), expected);
    }

    #[test]
    fn the_comparison_goes_from_what_stands_there_to_what_comes() {
        let world = world();
        let mut form = Promote::new(vec!["checkout".to_owned()], "staging".to_owned(), &world);
        let path = "/api/environments/compare?left=production&right=staging&limit=1000&q=checkout";
        assert_eq!(form.on(&world, &Event::Opened), [Do::Ask(COMPARE, Read::get(path))]);
    }

    #[test]
    fn enter_wishes_the_promotion_and_always_reviews_it() {
        let (mut form, mut world) = answered(&["checkout", "checkout-2"]);
        act(&mut form, &mut world, "promote.include");
        act(&mut form, &mut world, "promote.segments");
        let wanted = act(&mut form, &mut world, "promote.apply");
        let wish = wish(&wanted);
        assert!(wish.review);
        assert_eq!(wish.request.path, "/api/environments/promote");
        assert_eq!(
            body(wish),
            r#"{"from":"staging","to":"production","flags":["checkout","checkout-2"],"include":["targeting"],"segments":true}"#
        );
        assert_eq!(
            wish.cli,
            "flagstaff flag promote checkout checkout-2 --from staging --to production --include targeting --segments"
        );
        assert_eq!(form.environment(&world), Some(Some("production".to_owned())));
    }

    #[test]
    fn only_what_is_taken_is_shown_and_nothing_is_not_promoted() {
        let (mut form, mut world) = answered(&["checkout"]);
        act(&mut form, &mut world, "promote.include");
        assert!(text(&form, &world).contains("2 differences"), "{}", text(&form, &world));
        act(&mut form, &mut world, "promote.include");
        assert!(text(&form, &world).contains("1 difference"));
        let (mut form, mut world) = self::form(&["pay.3ds-v2"]);
        let same = r#"{"flags":[{"key":"pay.3ds-v2","standing":"same","diff":[]}],"nextCursor":null}"#;
        tell(&mut form, &mut world, &Event::Answer { tag: COMPARE, outcome: &answer(same) });
        assert!(text(&form, &world).contains("the same already"));
        assert!(form.available(&world, "promote.apply").is_err());
    }

    #[test]
    fn more_pages_are_read_until_all_flags_are_known() {
        let (mut form, mut world) = form(&["checkout", "zebra"]);
        let first = ANSWER.replace(r#""nextCursor":null"#, r#""nextCursor":"m""#);
        let wanted = tell(&mut form, &mut world, &Event::Answer { tag: COMPARE, outcome: &answer(&first) });
        let path = "/api/environments/compare?left=production&right=staging&limit=1000&cursor=m";
        assert_eq!(wanted, [Do::Ask(COMPARE, Read::get(path))]);
        let second = r#"{"flags":[{"key":"zebra","standing":"only-left","diff":[]}],"nextCursor":null}"#;
        tell(&mut form, &mut world, &Event::Answer { tag: COMPARE, outcome: &answer(second) });
        assert!(text(&form, &world).contains("not in staging: nothing to take"));
    }

    #[test]
    fn it_closes_when_the_promotion_was_applied_and_stays_when_the_review_was_left() {
        let (mut form, mut world) = answered(&["checkout"]);
        let wanted = act(&mut form, &mut world, "promote.apply");
        let touches = wish(&wanted).touches.clone();
        tell(&mut form, &mut world, &Event::Returned);
        let written = Event::Written { touches: &touches, revision: 10 };
        assert!(tell(&mut form, &mut world, &written).is_empty());
        act(&mut form, &mut world, "promote.apply");
        assert_eq!(tell(&mut form, &mut world, &written), [Do::Back]);
    }
}

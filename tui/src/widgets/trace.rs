//! The steps of an evaluation as lines: what was looked at, what it saw, what was not reached.

use crate::cache::rows::{FlagRow, percent};
use crate::text;
use crate::theme::Token;
use crate::widgets::lines::Line;
use crate::widgets::words;
use crate::world::World;
use shared::eval::{
    BucketStep, ClauseStep, Explanation, PrerequisiteStep, RolloutStep, RuleStep, SegmentRuleStep,
    SegmentStep,
};
use shared::json::Json;
use shared::targeting::Serves;
use std::collections::BTreeSet;

/// What a line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A prerequisite, by its places: the first one's second one is `[0, 1]`. It can be folded.
    Prerequisite(Vec<usize>),
    /// A rule of the flag.
    Rule(usize),
}

/// What the lines are made from.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'w> {
    /// What all screens look at.
    pub world: &'w World,
    /// The environment's key.
    pub environment: &'w str,
    /// The flag's configuration as it was evaluated; none while it is not known.
    pub document: Option<&'w Json>,
    /// The prerequisites that are folded the other way round: one that is met is folded, another is not.
    pub turned: &'w BTreeSet<Vec<usize>>,
    /// The columns for text.
    pub room: usize,
}

/// A border of a range, of 100,000.
fn border(part: f32) -> String {
    let whole = f64::from(part.clamp(0.0, 1.0)) * 100_000.0;
    text::count(format!("{whole:.0}").parse().unwrap_or_default())
}

/// Where a context fell, of 100,000: below a border where it is below it.
fn place(part: f32) -> String {
    let whole = (f64::from(part.clamp(0.0, 1.0)) * 100_000.0).floor();
    text::count(format!("{whole:.0}").parse().unwrap_or_default())
}

fn list<'d>(document: Option<&'d Json>, member: &str) -> &'d [Json] {
    document.and_then(|d| d.get(member)).and_then(Json::as_array).unwrap_or_default()
}

fn value(row: Option<&FlagRow>, index: i64) -> String {
    let known = usize::try_from(index).ok().zip(row);
    known.map_or_else(|| format!("variation {index}"), |(index, row)| row.value(index))
}

/// `rule 2`, with what people call it.
fn rule_name(rule: Option<&Json>, step: &RuleStep) -> String {
    let described = rule.and_then(|rule| rule.get("description")).and_then(Json::as_str);
    let name = described.filter(|text| !text.is_empty()).unwrap_or(&step.id);
    if name.is_empty() {
        format!("rule {}", step.index + 1)
    } else {
        format!("rule {}  {name}", step.index + 1)
    }
}

struct Out<'t, 'w> {
    trace: &'t Trace<'w>,
    lines: Vec<Line<Step>>,
    label: &'static str,
}

impl Out<'_, '_> {
    /// Adds lines of `text`, indented, broken where they are too long; the first one ends with `right`.
    fn say(&mut self, indent: usize, before: &str, text: &str, token: Token, right: (&str, Token)) -> usize {
        let at = self.lines.len();
        let taken = if right.0.is_empty() { 0 } else { text::width(right.0) + 2 };
        let head = format!("{}{before}", " ".repeat(indent));
        let wide = text::width(&head);
        let room = self.trace.room.saturating_sub(wide + taken).max(12);
        for (n, part) in text::wrap(text, room).into_iter().enumerate() {
            let first = if n == 0 { head.clone() } else { " ".repeat(wide) };
            let mut line = Line::new(first, Token::Dim).then(part, token);
            if n == 0 {
                line.label = std::mem::take(&mut self.label);
                if !right.0.is_empty() {
                    line.right = Some((right.0.to_owned(), right.1));
                }
            }
            self.lines.push(line);
        }
        at
    }

    fn stands(&mut self, at: usize, step: Step) {
        if let Some(line) = self.lines.get_mut(at) {
            line.item = Some(step);
        }
    }
}

impl Trace<'_> {
    /// The lines of a flag's steps.
    #[must_use]
    pub fn lines(&self, steps: &Explanation) -> Vec<Line<Step>> {
        let mut out = Out { trace: self, lines: Vec::new(), label: "" };
        self.flag(&mut out, steps, self.document, 0, &[]);
        if steps.truncated {
            out.say(
                0,
                "",
                "there are more steps than anybody can read: the rest is left out",
                Token::Warn,
                ("", Token::Dim),
            );
        }
        out.lines
    }

    /// The document of another flag, where the one that was evaluated is known.
    fn document(&self, steps: &Explanation) -> Option<&Json> {
        let at = (steps.flag.clone(), self.environment.to_owned());
        let row = self.world.cache.configs.get(&at)?;
        let version = row.get("version").and_then(Json::as_i64);
        row.get("config").or_else(|| row.get("document")).filter(|_| version == Some(steps.version))
    }

    fn flag(
        &self,
        out: &mut Out<'_, '_>,
        steps: &Explanation,
        document: Option<&Json>,
        indent: usize,
        path: &[usize],
    ) {
        let row = self.world.cache.flags.get(&steps.flag).map(AsRef::as_ref);
        let top = path.is_empty();
        let label = |out: &mut Out<'_, '_>, label: &'static str| {
            if top {
                out.label = label;
            }
        };
        label(out, "STATE");
        if steps.on {
            out.say(indent, "", "on", Token::On, ("goes on", Token::Dim));
        } else {
            let said = "off: nothing else is looked at";
            out.say(indent, "", said, Token::Off, ("decides", Token::Strong));
            return;
        }
        let by = steps.serve.as_ref().map_or("", |serve| serve.by.as_str());
        label(out, "PREREQS");
        for (n, step) in steps.prerequisites.iter().enumerate() {
            let path: Vec<usize> = path.iter().copied().chain([n]).collect();
            self.prerequisite(out, step, indent, &path);
        }
        for wanted in list(document, "prerequisites").iter().skip(steps.prerequisites.len()) {
            let key = wanted.get("key").and_then(Json::as_str).unwrap_or("?");
            out.say(indent, "  ", key, Token::Dim, ("not reached", Token::Dim));
        }
        label(out, "TARGETS");
        for step in &steps.targets {
            let said =
                format!("{} keys for {}: {}", step.context_kind, value(row, step.variation), step.detail);
            let right = if step.matched { ("MATCHES", Token::Strong) } else { ("no", Token::Dim) };
            out.say(indent, "", &said, Token::Plain, right);
        }
        label(out, "RULES");
        let rules = list(document, "rules");
        for step in &steps.rules {
            let rule = rules.get(step.index);
            let right = if step.matched { ("MATCHES", Token::Strong) } else { ("no", Token::Dim) };
            let at = out.say(indent, "", &rule_name(rule, step), Token::Plain, right);
            if top {
                out.stands(at, Step::Rule(step.index));
            }
            self.clauses(out, &step.clauses, rule, indent + 2);
        }
        for (index, rule) in rules.iter().enumerate().skip(steps.rules.len()) {
            let said = format!("rule {}  {}", index + 1, words::rule(rule));
            let at = out.say(
                indent,
                "",
                &text::fit(&said, self.room.saturating_sub(indent + 14)),
                Token::Dim,
                ("not reached", Token::Dim),
            );
            if top {
                out.stands(at, Step::Rule(index));
            }
        }
        label(out, "DEFAULT");
        match by {
            "fallthrough" => {
                out.say(
                    indent,
                    "",
                    "no target and no rule matches",
                    Token::Plain,
                    ("decides", Token::Strong),
                );
            }
            "off" => {
                out.say(indent, "", "served as if it were off", Token::Plain, ("decides", Token::Strong));
            }
            _ => {
                out.say(indent, "", "the default rule", Token::Dim, ("not reached", Token::Dim));
            }
        }
        let Some(serve) = &steps.serve else {
            out.label = "";
            return;
        };
        if let Some(problem) = &serve.problem {
            label(out, "PROBLEM");
            out.say(indent, "", problem, Token::Bad, ("", Token::Dim));
        }
        if let Some(rollout) = &serve.rollout {
            let parts = match by {
                "rule" => steps.rules.last().and_then(|step| rules.get(step.index)),
                _ => document.and_then(|d| d.get("fallthrough")),
            };
            label(out, "BUCKET");
            rolled(out, rollout, serve.variation, parts, row, indent);
        } else if !top {
            let said = serve.variation.map_or("the caller's default".to_owned(), |n| value(row, n));
            out.say(indent, "serves ", &said, Token::Plain, ("", Token::Dim));
        }
        out.label = "";
    }

    fn prerequisite(&self, out: &mut Out<'_, '_>, step: &PrerequisiteStep, indent: usize, path: &[usize]) {
        let row = self.world.cache.flags.get(&step.key).map(AsRef::as_ref);
        let wanted = value(row, step.required_variation);
        let serves = step.explanation.as_ref().and_then(|steps| steps.variation);
        let detail = match (&step.explanation, serves) {
            (Some(steps), Some(index)) if steps.on => {
                format!(
                    "it serves {}",
                    row.map_or_else(|| format!("variation {index}"), |row| row.value(index))
                )
            }
            _ => step.detail.clone(),
        };
        let open = step.passed == self.turned.contains(path);
        let sign = match (&step.explanation, open) {
            (None, _) => "  ",
            (_, true) => "- ",
            (_, false) => "+ ",
        };
        let right = if step.passed { ("met", Token::On) } else { ("NOT MET", Token::Bad) };
        let said = format!("{} = {wanted}: {detail}", step.key);
        let at = out.say(indent, sign, &said, Token::Plain, right);
        if let Some(steps) = &step.explanation {
            out.stands(at, Step::Prerequisite(path.to_vec()));
            if open {
                self.flag(out, steps, self.document(steps), indent + 4, path);
            }
        }
    }

    fn clauses(&self, out: &mut Out<'_, '_>, steps: &[ClauseStep], rule: Option<&Json>, indent: usize) {
        let clauses = list(rule, "clauses");
        for (n, step) in steps.iter().enumerate() {
            let mut said = clauses.get(n).map_or_else(|| unknown(step), words::clause);
            match &step.saw {
                Some(saw) => said.push_str(&format!("   saw {}", saw.to_text())),
                None if step.segments.is_empty() && !step.detail.is_empty() => {
                    said.push_str(&format!("   {}", step.detail));
                }
                None => {}
            }
            let (word, token) = if step.matched { ("yes  ", Token::Plain) } else { ("no   ", Token::Plain) };
            out.say(indent, word, &said, token, ("", Token::Dim));
            for segment in &step.segments {
                self.segment(out, segment, indent + 5);
            }
        }
        for clause in clauses.iter().skip(steps.len()) {
            let said = text::fit(&words::clause(clause), self.room.saturating_sub(indent + 19));
            out.say(indent, "-    ", &said, Token::Dim, ("not reached", Token::Dim));
        }
    }

    fn segment(&self, out: &mut Out<'_, '_>, step: &SegmentStep, indent: usize) {
        let (word, token) = if step.contains { ("is in", Token::Plain) } else { ("is not in", Token::Plain) };
        let detail = if step.detail.is_empty() { String::new() } else { format!(": {}", step.detail) };
        out.say(indent, "", &format!("{word} {}{detail}", step.key), token, ("", Token::Dim));
        let at = (self.environment.to_owned(), step.key.clone());
        let document = self.world.cache.segments.get(&at).and_then(|row| row.get("document"));
        let rules = list(document, "rules");
        for rule in &step.rules {
            self.segment_rule(out, rule, rules.get(rule.index), indent + 2);
        }
    }

    fn segment_rule(
        &self,
        out: &mut Out<'_, '_>,
        step: &SegmentRuleStep,
        rule: Option<&Json>,
        indent: usize,
    ) {
        let name = if step.id.is_empty() { String::new() } else { format!(" ({})", step.id) };
        let word = if step.matched { "matches" } else { "does not match" };
        let said = format!("rule {}{name} of the segment {word}", step.index + 1);
        out.say(indent, "", &said, Token::Dim, ("", Token::Dim));
        self.clauses(out, &step.clauses, rule, indent + 2);
        if let Some(bucket) = &step.bucket {
            let said = format!("{}, in it below {}", fell(bucket), border(bucket.to));
            out.say(indent + 2, "", &said, Token::Plain, ("", Token::Dim));
        }
    }
}

fn unknown(step: &ClauseStep) -> String {
    let kind = if step.context_kind == "user" { String::new() } else { format!("{}:", step.context_kind) };
    let not = if step.negate { "not " } else { "" };
    let op = if step.op == "segmentMatch" { "in a segment" } else { &step.op };
    format!("{not}{kind}{} {op} ..", step.attribute).trim().to_owned()
}

fn fell(bucket: &BucketStep) -> String {
    let seed = bucket.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
    let odd = if bucket.detail.is_empty() { String::new() } else { format!(" ({})", bucket.detail) };
    let (kind, by) = (&bucket.context_kind, &bucket.attribute);
    format!("{kind} by {by}{seed}: {} of 100,000{odd}", place(bucket.bucket))
}

/// Where the context fell, and which part of the rollout that is.
fn rolled(
    out: &mut Out<'_, '_>,
    step: &RolloutStep,
    variation: Option<i64>,
    serve: Option<&Json>,
    row: Option<&FlagRow>,
    indent: usize,
) {
    let bucket = &step.bucket;
    let experiment = match (step.experiment, step.in_experiment) {
        (true, true) => "  (part of the experiment)",
        (true, false) => "  (not part of the experiment)",
        _ => "",
    };
    let way = step.algorithm.as_ref().map_or(String::new(), |name| format!(", as {name} divides"));
    out.say(indent, "", &format!("{}{way}{experiment}", fell(bucket)), Token::Plain, ("", Token::Dim));
    let parts = serve.map(words::serves);
    let Some(Serves::Rollout(parts)) = parts else {
        let said = format!(
            "{} to {}: {}",
            border(bucket.from),
            border(bucket.to),
            variation.map_or("?".to_owned(), |n| value(row, n))
        );
        out.say(indent, "", &said, Token::Plain, ("falls here", Token::Strong));
        return;
    };
    let (mut from, mut found) = (0_i64, false);
    let last = parts.len().saturating_sub(1);
    for (n, (index, weight)) in parts.iter().enumerate() {
        let to = from + weight;
        #[allow(clippy::cast_precision_loss)] // weights are at most 100,000
        let begins = (from as f32 / 100_000.0 - bucket.from).abs() < 0.000_005;
        let here = !found && begins && i64::try_from(*index).ok() == variation && (*weight > 0 || n == last);
        found |= here;
        let number = |n: i64| text::count(u64::try_from(n).unwrap_or(0));
        let value = row.map_or_else(|| format!("variation {index}"), |row| row.value(*index));
        let said = format!("{:>7} to {:<7}  {:>7}  {value}", number(from), number(to), percent(*weight));
        let mut line = Line::new(" ".repeat(indent), Token::Dim);
        line = line.then(
            text::fit(&said, out.trace.room.saturating_sub(indent + 12)),
            if here { Token::Plain } else { Token::Dim },
        );
        if here {
            line = line.ending("falls here", Token::Strong);
        }
        out.lines.push(line);
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenery::{CHECKOUT, json, world};
    use shared::context::Context;
    use shared::eval::{PreparedFlag, PreparedSegment, Store, explain, prepare_flag, prepare_segment};
    use shared::project::ClientSideAvailability;
    use shared::targeting::{compose_flag, compose_segment};

    struct Two(PreparedFlag, PreparedSegment);

    impl Store for Two {
        fn flag(&self, key: &str) -> Option<&PreparedFlag> {
            (key == "pay.3ds-v2").then_some(&self.0)
        }

        fn segment(&self, key: &str) -> Option<&PreparedSegment> {
            (key == "early-adopters").then_some(&self.1)
        }
    }

    fn prepared(key: &str, document: &str) -> PreparedFlag {
        let nobody = ClientSideAvailability { using_environment_id: false, using_mobile_key: false };
        let values = [Json::Bool(true), Json::Bool(false)];
        prepare_flag(&compose_flag(key, 3, "s", &values, nobody, &json(document))).unwrap()
    }

    fn told(context: &str, other: &str, turned: &[Vec<usize>]) -> String {
        told_of(CHECKOUT, context, other, turned)
    }

    fn told_of(document: &str, context: &str, other: &str, turned: &[Vec<usize>]) -> String {
        let world = world();
        let segment = r#"{"included":["anna"],"rules":[{"id":"few","weight":10000,"clauses":[]}]}"#;
        let segment = prepare_segment(&compose_segment("early-adopters", 1, "s", &json(segment))).unwrap();
        let store = Two(prepared("pay.3ds-v2", other), segment);
        let context = Context::parse(&json(context)).unwrap();
        let steps = explain(&store, &prepared("checkout", document), &context);
        let document = json(document);
        let turned = turned.iter().cloned().collect();
        let trace = Trace {
            world: &world,
            environment: "staging",
            document: Some(&document),
            turned: &turned,
            room: 65,
        };
        let line = |line: &Line<Step>| {
            let right = line.right.as_ref().map_or("", |(text, _)| text);
            format!("{:<8}|{} |{right}", line.label, line.text()).trim_end().to_owned()
        };
        trace.lines(&steps).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_rollout_that_another_tool_divided_says_so() {
        let document = CHECKOUT.replace(r#""rollout":{"#, r#""rollout":{"algorithm":"unleash","#);
        let text = told_of(&document, r#"{"kind":"user","key":"bert"}"#, ON, &[]);
        assert!(text.contains(", as unleash divides"), "{text}");
    }

    const ON: &str = r#"{"on":true,"fallthrough":{"variation":0},"offVariation":1}"#;
    const OFF: &str = r#"{"on":false,"fallthrough":{"variation":0},"offVariation":1}"#;

    #[test]
    fn every_step_is_told_with_what_it_saw_and_what_was_not_reached() {
        let text = told(
            r#"{"kind":"multi","user":{"key":"bert","country":"DE"},"device":{"key":"d","appVersion":"4.3.0"}}"#,
            ON,
            &[],
        );
        for said in [
            "STATE   |on |goes on",
            "PREREQS |+ pay.3ds-v2 = true: it serves true |met",
            "TARGETS |user keys for false: its key is not listed |no",
            "RULES   |rule 1  early |no",
            "no   segment:early-adopters",
            "is not in early-adopters",
            "rule 2  apps |no",
            "yes  device:appVersion > version 4.2.0   saw \"4.3.0\"",
            "no   country not in [DE, AT]   saw \"DE\"",
            "DEFAULT |no target and no rule matches |decides",
            "BUCKET  |user by key: ",
            "      0 to 25,000       25%  true",
            " 25,000 to 100,000      75%  false",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
        assert_eq!(text.matches("falls here").count(), 1, "{text}");
    }

    #[test]
    fn what_decides_ends_the_reading_and_the_rest_is_not_reached() {
        let text = told(r#"{"kind":"user","key":"anna"}"#, ON, &[]);
        assert!(text.contains("rule 1  early |MATCHES"), "{text}");
        assert!(text.contains("is in early-adopters"), "{text}");
        assert!(text.contains("rule 2  device:appVersion"), "{text}");
        assert!(text.contains("DEFAULT |the default rule |not reached"), "{text}");
        assert!(!text.contains("BUCKET"), "{text}");
    }

    #[test]
    fn a_prerequisite_that_is_not_met_is_open_and_one_that_is_met_can_be_opened() {
        let text = told(r#"{"kind":"user","key":"bert"}"#, OFF, &[]);
        assert!(text.contains("- pay.3ds-v2 = true: it is off, and then it never passes |NOT MET"), "{text}");
        assert!(text.contains("|    off: nothing else is looked at |decides"), "{text}");
        assert!(text.contains("served as if it were off |decides"), "{text}");
        let text = told(r#"{"kind":"user","key":"bert"}"#, ON, &[vec![0]]);
        assert!(text.contains("- pay.3ds-v2 = true: it serves true |met"), "{text}");
        assert!(text.contains("|    serves true"), "{text}");
        let text = told(r#"{"kind":"user","key":"bert"}"#, OFF, &[vec![0]]);
        assert!(!text.contains("nothing else"), "{text}");
    }
}

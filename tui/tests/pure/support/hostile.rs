//! Messages as nobody should send them.

use super::answers;
use flagstaff::request::Request;
use shared::json::{Json, parse};

/// Texts that would do something if a terminal got them, or that break what counts on letters.
pub const HOSTILE: [&str; 12] = [
    "",
    " ",
    "\u{1b}[2J\u{1b}[31mred",
    "\u{9b}31m",
    "\u{202e}gpj.exe",
    "\u{7}\u{8}\u{0}",
    "e\u{301}\u{301}\u{301}",
    "👨\u{200d}👩\u{200d}👧\u{fe0f}",
    "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
    "../../etc/passwd?x=1&dryRun=true#",
    "line\r\nline\tline",
    "a very long text that goes on and on and on and on and on and on and on and on and on and on and on and on and on",
];

/// Chance that a shrinking test can repeat.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn value(&mut self) -> Json {
        let text = HOSTILE[usize::try_from(self.roll(12)).unwrap()];
        let json = match self.roll(10) {
            0 => "null",
            1 => "true",
            2 => "-1",
            3 => "1e300",
            4 => "9007199254740991",
            5 => "[[[[[]]]]]",
            6 => "{\"\":{}}",
            _ => return Json::String(text.to_owned()),
        };
        parse(json).unwrap()
    }

    fn spoil(&mut self, json: &Json) -> Json {
        if self.roll(24) == 0 {
            return self.value();
        }
        match json {
            Json::Object(members) => {
                let mut out: Vec<(String, Json)> = Vec::new();
                for (name, value) in members {
                    match self.roll(40) {
                        0 => {}
                        1 => out.push((
                            HOSTILE[usize::try_from(self.roll(12)).unwrap()].to_owned(),
                            value.clone(),
                        )),
                        _ => out.push((name.clone(), self.spoil(value))),
                    }
                }
                Json::Object(out)
            }
            Json::Array(items) => Json::Array(items.iter().map(|item| self.spoil(item)).collect()),
            other => other.clone(),
        }
    }
}

/// The same, with members that are gone, of another kind, or hostile.
pub fn mutated(json: &Json, seed: u64) -> Json {
    Dice(seed).spoil(json)
}

/// A change as the feed tells it, made of a line of the recorded audit.
pub fn feed(seed: u64) -> Json {
    let mut dice = Dice(seed);
    let audit = answers::answer(&Request::get("/api/audit?limit=100")).map(|answer| answer.body);
    let lines = audit.ok().and_then(|body| body.get("items").and_then(Json::as_array).map(<[Json]>::to_vec));
    let lines = lines.unwrap_or_default();
    let Some(line) = lines.get(usize::try_from(dice.roll(lines.len().max(1) as u64)).unwrap()) else {
        return Json::Null;
    };
    if dice.roll(20) == 0 {
        return parse(
            r#"{"type":"revision","revision":90,"epoch":1,"position":"1.90","snapshot":true,"changes":[]}"#,
        )
        .unwrap();
    }
    let mut message = line.clone();
    let change: Json = ["entity", "action", "before", "after"]
        .into_iter()
        .map(|name| (name, line.get(name).cloned().unwrap_or(Json::Null)))
        .collect();
    let revision = usize::try_from(12 + dice.roll(60)).unwrap();
    message.set("type", Json::from("revision"));
    message.set("revision", Json::from(revision));
    message.set("position", Json::String(format!("1.{revision}")));
    message.set("changes", Json::Array(vec![change]));
    message
}

//! The shares of variations in percent: typed, moved in steps, brought to a hundred.

use super::words;
use crate::cache::rows::{FlagRow, percent};
use crate::key::{Code, Press};
use shared::json::Json;
use shared::targeting::Serves;

/// The whole, in the weights of a document.
pub const WHOLE: i64 = 100_000;
/// What one step changes: five percent.
const STEP: i64 = 5_000;

/// The share of one variation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The variation's place among those of the flag.
    pub index: usize,
    /// Percent, as it is typed.
    pub text: String,
}

/// The shares of all variations that can be served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    shares: Vec<Share>,
    /// The one that is typed.
    pub at: usize,
    /// Whether the next digit begins a new number.
    fresh: bool,
}

/// The weight of percent as typed: `12.5` is 12500. At most three digits after the point.
#[must_use]
pub fn weight(text: &str) -> Option<i64> {
    let text = text.trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if text.is_empty() || !digits(whole) || !digits(part) || whole.len() > 3 || part.len() > 3 {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i64 = format!("{part:0<3}").parse().ok()?;
    Some(whole * 1000 + part)
}

fn typed(weight: i64) -> String {
    percent(weight).trim_end_matches('%').to_owned()
}

impl Shares {
    /// The shares that `serve` gives to the variations of a flag; the first one to type is that of `true`.
    ///
    /// # Errors
    /// Why it cannot be changed as shares.
    pub fn read(row: &FlagRow, serve: &Json) -> Result<Self, String> {
        let served = words::serves(serve);
        let parts = match &served {
            Serves::Nothing => Vec::new(),
            Serves::Variation(index) => vec![(*index, WHOLE)],
            Serves::Rollout(parts) => parts.clone(),
        };
        let mut seen = std::collections::BTreeSet::new();
        if !parts.iter().all(|(index, _)| seen.insert(*index)) {
            return Err("a variation stands in it twice: edit it as JSON".to_owned());
        }
        let shares: Vec<Share> = row
            .variations
            .iter()
            .enumerate()
            .filter(|(_, variation)| !variation.placeholder)
            .map(|(index, _)| {
                let weight = parts.iter().find(|(n, _)| *n == index).map_or(0, |(_, weight)| *weight);
                Share { index, text: typed(weight) }
            })
            .collect();
        if shares.is_empty() {
            return Err("the flag has no value to serve yet: add a variation".to_owned());
        }
        let truth =
            |share: &Share| row.variations.get(share.index).is_some_and(|v| v.value == Json::Bool(true));
        let at = shares.iter().position(truth).unwrap_or(0);
        Ok(Self { shares, at, fresh: true })
    }

    /// The shares, in the order of the variations.
    #[must_use]
    pub fn all(&self) -> &[Share] {
        &self.shares
    }

    /// The sum of what is typed; none while something is no number.
    #[must_use]
    pub fn sum(&self) -> Option<i64> {
        self.shares.iter().map(|share| weight(&share.text)).sum()
    }

    /// Why it cannot be taken as it is.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        match self.sum() {
            None => Some("a share is a number such as 25 or 12.5".to_owned()),
            Some(WHOLE) => None,
            Some(sum) if sum < WHOLE => Some(format!("{} are missing to 100%", percent(WHOLE - sum))),
            Some(sum) => Some(format!("{} more than 100%", percent(sum - WHOLE))),
        }
    }

    /// To the next share, or back. Answers whether there was one.
    pub fn go(&mut self, on: bool) -> bool {
        let next = if on { self.at.checked_add(1) } else { self.at.checked_sub(1) };
        match next.filter(|n| *n < self.shares.len()) {
            Some(n) => {
                self.at = n;
                self.fresh = true;
                true
            }
            None => false,
        }
    }

    /// Takes a key: digits, a point, backspace, left and right by five percent. Answers whether it was for it.
    pub fn key(&mut self, press: Press) -> bool {
        let fresh = std::mem::take(&mut self.fresh);
        let Some(share) = self.shares.get_mut(self.at) else { return false };
        match press.code {
            Code::Char(c @ ('0'..='9' | '.')) if press.typed().is_some() => {
                if fresh {
                    share.text.clear();
                }
                if share.text.len() < 7 {
                    share.text.push(c);
                }
            }
            Code::Backspace => {
                share.text.pop();
            }
            Code::Left | Code::Right => {
                let now = weight(&share.text).unwrap_or(0);
                let step = if press.code == Code::Right { STEP } else { -STEP };
                share.text = typed((now + step).clamp(0, WHOLE));
                self.fresh = true;
            }
            _ => {
                self.fresh = fresh;
                return false;
            }
        }
        self.balance();
        true
    }

    /// Of two shares the other one is the rest.
    fn balance(&mut self) {
        if self.shares.len() == 2 {
            let mine = self.shares.get(self.at).and_then(|share| weight(&share.text));
            let rest = mine.map(|mine| WHOLE - mine).filter(|rest| *rest >= 0);
            if let (Some(rest), Some(other)) = (rest, self.shares.get_mut(1 - self.at.min(1))) {
                other.text = typed(rest);
            }
        }
    }

    /// The same for all; the last one has what cannot be divided.
    pub fn even(&mut self) {
        let count = i64::try_from(self.shares.len()).unwrap_or(1).max(1);
        let each = WHOLE / count;
        for share in &mut self.shares {
            share.text = typed(each);
        }
        if let Some(last) = self.shares.last_mut() {
            last.text = typed(WHOLE - each * (count - 1));
        }
        self.fresh = true;
    }

    /// The one that is typed takes what is missing to a hundred.
    pub fn rest(&mut self) {
        let at = self.at;
        let others = self.shares.iter().enumerate().filter(|(n, _)| *n != at);
        let others: i64 = others.filter_map(|(_, share)| weight(&share.text)).sum();
        if let Some(share) = self.shares.get_mut(at) {
            share.text = typed((WHOLE - others).max(0));
        }
        self.fresh = true;
    }

    /// What a document says to serve so. One variation for all is that variation; a rollout keeps how it divides.
    #[must_use]
    pub fn serve(&self, before: &Json) -> Json {
        let weights = self.shares.iter().map(|share| (share.index, weight(&share.text).unwrap_or(0)));
        let weights: Vec<(usize, i64)> = weights.collect();
        let mut serve = before.clone();
        if serve.as_object().is_none() {
            serve = Json::object();
        }
        if let Some((index, _)) = weights.iter().find(|(_, weight)| *weight == WHOLE) {
            serve.remove("rollout");
            serve.set("variation", Json::from(*index));
            return serve;
        }
        serve.remove("variation");
        let old = before.get("rollout");
        let part_of = |index: usize| {
            let parts = old.and_then(|r| r.get("variations")).and_then(Json::as_array).unwrap_or_default();
            let wanted = i64::try_from(index).ok();
            parts.iter().find(|p| p.get("variation").and_then(Json::as_i64) == wanted).cloned()
        };
        let parts = weights.iter().filter_map(|(index, weight)| {
            let old = part_of(*index);
            if *weight == 0 && old.is_none() {
                return None;
            }
            let mut part = old.unwrap_or_else(|| [("variation", Json::from(*index))].into_iter().collect());
            part.set("weight", Json::from(*weight));
            Some(part)
        });
        let parts = Json::Array(parts.collect());
        let mut rollout = old
            .filter(|r| r.as_object().is_some())
            .cloned()
            .unwrap_or_else(|| [("contextKind", Json::from("user"))].into_iter().collect());
        rollout.set("variations", parts);
        serve.set("rollout", rollout);
        serve
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::json::parse;

    fn row(variations: &str) -> FlagRow {
        let text = format!(r#"{{"key":"k","kind":"json","variations":{variations}}}"#);
        FlagRow::of_flag(&parse(&text).unwrap()).unwrap()
    }

    fn boolean() -> FlagRow {
        row(r#"[{"value":true},{"value":false}]"#)
    }

    fn texts(shares: &Shares) -> Vec<&str> {
        shares.all().iter().map(|share| share.text.as_str()).collect()
    }

    #[test]
    fn twenty_five_typed_for_a_boolean_is_a_quarter_of_true() {
        let before = parse(r#"{"variation":1}"#).unwrap();
        let mut shares = Shares::read(&boolean(), &before).unwrap();
        assert_eq!(texts(&shares), ["0", "100"]);
        shares.key(Press::char('2'));
        shares.key(Press::char('5'));
        assert_eq!(texts(&shares), ["25", "75"]);
        assert_eq!(
            shares.serve(&before).to_text(),
            r#"{"rollout":{"contextKind":"user","variations":[{"variation":0,"weight":25000},{"variation":1,"weight":75000}]}}"#
        );
    }

    #[test]
    fn a_rollout_keeps_how_it_divides_and_everything_for_one_is_no_rollout() {
        let before = parse(
            r#"{"rollout":{"contextKind":"org","bucketBy":"region","seed":3,"variations":[{"variation":0,"weight":10000,"untracked":true},{"variation":1,"weight":90000}]}}"#,
        )
        .unwrap();
        let mut shares = Shares::read(&boolean(), &before).unwrap();
        shares.key(Press::new(Code::Right));
        assert_eq!(
            shares.serve(&before).to_text(),
            r#"{"rollout":{"contextKind":"org","bucketBy":"region","seed":3,"variations":[{"variation":0,"weight":15000,"untracked":true},{"variation":1,"weight":85000}]}}"#
        );
        for c in "100".chars() {
            shares.key(Press::char(c));
        }
        assert_eq!(shares.serve(&before).to_text(), r#"{"variation":0}"#);
    }

    #[test]
    fn three_shares_must_sum_to_a_hundred_and_can_be_made_even() {
        let row = row(r#"[{"value":"a"},{"value":null,"placeholder":true},{"value":"b"},{"value":"c"}]"#);
        let mut shares = Shares::read(&row, &parse(r#"{"variation":2}"#).unwrap()).unwrap();
        assert_eq!(texts(&shares), ["0", "100", "0"]);
        shares.key(Press::char('9'));
        assert_eq!(shares.fault().as_deref(), Some("9% more than 100%"));
        shares.go(true);
        shares.rest();
        assert_eq!((texts(&shares), shares.fault()), (vec!["9", "91", "0"], None));
        shares.even();
        assert_eq!((texts(&shares), shares.fault()), (vec!["33.333", "33.333", "33.334"], None));
        shares.key(Press::new(Code::Backspace));
        shares.key(Press::new(Code::Backspace));
        assert_eq!(shares.fault().as_deref(), Some("0.033% are missing to 100%"));
    }

    #[test]
    fn a_variation_that_stands_twice_is_left_to_the_editor() {
        let twice =
            parse(r#"{"rollout":{"variations":[{"variation":0,"weight":1},{"variation":0,"weight":2}]}}"#);
        assert!(Shares::read(&boolean(), &twice.unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn any_weight_comes_back_from_its_text(n in 0i64..=WHOLE) {
            prop_assert_eq!(weight(&typed(n)), Some(n));
        }

        #[test]
        fn two_shares_are_always_a_hundred_or_say_why_not(keys in prop::collection::vec(0usize..14, 0..20)) {
            let mut shares = Shares::read(&boolean(), &parse(r#"{"variation":0}"#).unwrap()).unwrap();
            for key in keys {
                let press = match key {
                    0..=9 => Press::char(char::from_digit(key as u32, 10).unwrap()),
                    10 => Press::char('.'),
                    11 => Press::new(Code::Left),
                    12 => Press::new(Code::Right),
                    _ => Press::new(Code::Backspace),
                };
                shares.key(press);
                prop_assert!(shares.sum() == Some(WHOLE) || shares.fault().is_some());
            }
        }
    }
}

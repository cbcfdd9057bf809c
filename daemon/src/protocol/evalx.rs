//! LaunchDarkly's client-side protocol: which results an SDK is told, and the bytes it reads.

use shared::access::CredentialKind;
use shared::context::Context;
use shared::eval::{Evaluation, EvalxForm, PreparedFlag, Ruleset};
use shared::json::Json;

/// About as many bytes as one result has.
const USUAL: usize = 112;

/// What a client has to be told of one flag.
#[derive(Clone, Copy, Debug)]
pub enum Told<'r> {
    /// A result that is new to it.
    Result(Evaluation<'r>),
    /// The flag is gone, or no more for it to see.
    Gone,
}

/// Whom results are for, and what belongs into them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audience {
    /// What kind of credential was shown: it decides which flags are told. A server key sees everything.
    pub kind: CredentialKind,
    /// Whether every result has its reason.
    pub with_reasons: bool,
}

impl Audience {
    /// Whether a flag is told.
    pub const fn sees(self, flag: &PreparedFlag) -> bool {
        if flag.is_deleted() {
            return false;
        }
        match self.kind {
            CredentialKind::Server => true,
            CredentialKind::Mobile => flag.availability().using_mobile_key,
            CredentialKind::ClientSideId => flag.availability().using_environment_id,
        }
    }

    /// Every result that is told, in order of the flags' keys.
    pub fn results<'r>(self, rules: &'r Ruleset, context: &Context) -> impl Iterator<Item = Evaluation<'r>> {
        let seen = rules.flags().enumerate().filter(move |(_, flag)| self.sees(flag));
        seen.filter_map(move |(index, _)| rules.evaluate(index, context))
    }

    /// The result of one flag; `None` where there is none, or it is not told.
    pub fn result<'r>(self, rules: &'r Ruleset, key: &str, context: &Context) -> Option<Evaluation<'r>> {
        let index = rules.index_of(key)?;
        rules.get(index).filter(|flag| self.sees(flag))?;
        rules.evaluate(index, context)
    }

    /// What a client that was told of `from` has to be told of a flag in `to`; `None` where nothing differs.
    pub fn change<'r>(
        self,
        (from, to): (&'r Ruleset, &'r Ruleset),
        key: &str,
        context: &Context,
    ) -> Option<Told<'r>> {
        let was = self.result(from, key, context);
        let Some(is) = self.result(to, key, context) else { return was.map(|_| Told::Gone) };
        let text = |result: &Evaluation<'_>| {
            let mut out = Vec::new();
            self.form(0).write(&mut out, result);
            out
        };
        let same = was.is_some_and(|was| text(&was) == text(&is));
        (!same).then_some(Told::Result(is))
    }

    /// How results are written in a state of that version.
    pub const fn form(self, version: i64) -> EvalxForm {
        EvalxForm { version, with_reasons: self.with_reasons }
    }

    /// About how many bytes every result together has.
    pub const fn expected(self, rules: &Ruleset) -> usize {
        2 + rules.len() * USUAL
    }

    /// Writes the polled document, which a stream's `put` is as well: `{"flag-key":{"value":..},..}`.
    pub fn write_all(self, out: &mut Vec<u8>, rules: &Ruleset, context: &Context, version: i64) {
        self.form(version).write_all(out, self.results(rules, context));
    }

    /// The polled document by itself.
    pub fn all(self, rules: &Ruleset, context: &Context, version: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.expected(rules));
        self.write_all(&mut out, rules, context, version);
        out
    }
}

/// Writes an event of a stream; the data has no line breaks.
pub fn event(out: &mut Vec<u8>, name: &str, data: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    data(out);
    out.extend_from_slice(b"\n\n");
}

/// Writes what a stream tells of one flag: `patch` with the result, or `delete`.
pub fn update(out: &mut Vec<u8>, form: EvalxForm, key: &str, told: &Told<'_>) {
    match told {
        Told::Result(result) => event(out, "patch", |out| form.write_patch(out, result)),
        Told::Gone => event(out, "delete", |out| {
            let key = Json::from(key).to_text();
            out.extend_from_slice(format!("{{\"key\":{key},\"version\":{}}}", form.version).as_bytes());
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::eval::prepare_flag;
    use shared::json::parse;

    use super::*;

    const AUDIENCE: Audience = Audience { kind: CredentialKind::ClientSideId, with_reasons: false };

    fn rules(documents: &[&str]) -> Ruleset {
        let flags = documents.iter().map(|text| Arc::new(prepare_flag(&parse(text).unwrap()).unwrap()));
        Ruleset::new(flags, [])
    }

    fn flag(version: i64, on: bool, seen: bool) -> String {
        format!(
            r#"{{"key":"f","version":{version},"on":{on},"offVariation":1,"variations":[1.0,2],
                "fallthrough":{{"variation":0}},"salt":"s",
                "clientSideAvailability":{{"usingEnvironmentId":{seen},"usingMobileKey":true}}}}"#
        )
    }

    fn told(from: &[&str], to: &[&str]) -> String {
        let (from, to) = (rules(from), rules(to));
        let mut out = Vec::new();
        if let Some(told) = AUDIENCE.change((&from, &to), "f", &Context::anonymous()) {
            update(&mut out, AUDIENCE.form(90), "f", &told);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_differs_is_told() {
        let (on, off, hidden) = (flag(1, true, true), flag(2, false, true), flag(3, true, false));
        assert_eq!(told(&[&on], &[&on]), "");
        let patch = "event: patch\ndata: {\"key\":\"f\",\"value\":2,\"variation\":1,\"flagVersion\":2,\
            \"version\":90}\n\n";
        assert_eq!(told(&[&on], &[&off]), patch);
        assert_eq!(told(&[], &[&off]), patch);
        let gone = "event: delete\ndata: {\"key\":\"f\",\"version\":90}\n\n";
        assert_eq!(told(&[&on], &[]), gone);
        assert_eq!(told(&[&on], &[&hidden]), gone);
        assert_eq!(told(&[&hidden], &[]), "");
        assert_eq!(told(&[&hidden], &[&hidden]), "");
    }

    #[test]
    fn everything_is_the_results_that_are_seen() {
        let all = |documents: &[&str], kind| {
            let audience = Audience { kind, with_reasons: true };
            String::from_utf8(audience.all(&rules(documents), &Context::anonymous(), 7)).unwrap()
        };
        let hidden = flag(3, true, false);
        assert_eq!(all(&[&hidden], CredentialKind::ClientSideId), "{}");
        let result = "{\"f\":{\"value\":1.0,\"variation\":0,\"flagVersion\":3,\"version\":7,\
                      \"reason\":{\"kind\":\"FALLTHROUGH\"}}}";
        assert_eq!(all(&[&hidden], CredentialKind::Mobile), result);
        assert_eq!(all(&[&hidden], CredentialKind::Server), result);
    }
}

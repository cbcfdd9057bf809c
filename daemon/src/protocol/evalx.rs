//! LaunchDarkly's client-side protocol: which results an SDK is told, and the bytes it reads.

use shared::access::CredentialKind;
use shared::context::Context;
use shared::eval::{Evaluation, EvalxForm, PreparedFlag, Ruleset};

/// About as many bytes as one result has.
const USUAL: usize = 112;

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

    /// How results are written in a state of that version.
    pub const fn form(self, version: i64) -> EvalxForm {
        EvalxForm { version, with_reasons: self.with_reasons }
    }

    /// The polled document, which a stream's `put` is as well: `{"flag-key":{"value":..},..}`.
    pub fn all(self, rules: &Ruleset, context: &Context, version: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + rules.len() * USUAL);
        self.form(version).write_all(&mut out, self.results(rules, context));
        out
    }
}

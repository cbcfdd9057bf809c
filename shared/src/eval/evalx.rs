//! Results as client-side SDKs read them: a JSON object a flag, written at once.

use super::digits::Digits;
use super::outcome::Evaluation;
use super::prepare::Variation;
use super::reason::{Reason, ReasonKind};
use crate::json::Json;

/// What belongs into a result beside what was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvalxForm {
    /// What orders the results of one flag; grows with every change that can alter any of them.
    pub version: i64,
    /// Whether every result has its reason; without it, those of experiments have theirs.
    pub with_reasons: bool,
}

impl EvalxForm {
    /// Appends `{"KEY":RESULT,...}`.
    pub fn write_all<'f>(self, out: &mut Vec<u8>, results: impl IntoIterator<Item = Evaluation<'f>>) {
        let version = Digits::of(self.version);
        let mut before = b'{';
        for result in results {
            out.push(before);
            self.named(out, &result, &version);
            before = b',';
        }
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
    }

    /// Appends one result, `{"value":...,"variation":...,"flagVersion":...,"version":...}`, with
    /// `trackEvents`, `trackReason`, `reason`, `debugEventsUntilDate` and `prerequisites` where they say
    /// something.
    pub fn write(self, out: &mut Vec<u8>, result: &Evaluation<'_>) {
        out.push(b'{');
        self.members(out, result);
        out.push(b'}');
    }

    /// Appends one result that names its flag, `{"key":...,"value":...}`, as a patch does.
    pub fn write_patch(self, out: &mut Vec<u8>, result: &Evaluation<'_>) {
        out.extend_from_slice(b"{\"key\":");
        out.extend_from_slice(result.flag.quoted_key().as_bytes());
        out.push(b',');
        self.members(out, result);
        out.push(b'}');
    }

    /// Appends `"KEY":RESULT`.
    fn named(self, out: &mut Vec<u8>, result: &Evaluation<'_>, version: &Digits) {
        match result.variation().map(Variation::beginning) {
            Some(beginning) if !beginning.is_empty() => out.extend_from_slice(beginning.as_bytes()),
            _ => {
                out.extend_from_slice(result.flag.quoted_key().as_bytes());
                out.extend_from_slice(b":{");
                served(out, result);
            }
        }
        self.rest(out, result, version);
        out.push(b'}');
    }

    fn members(self, out: &mut Vec<u8>, result: &Evaluation<'_>) {
        served(out, result);
        self.rest(out, result, &Digits::of(self.version));
    }

    fn rest(self, out: &mut Vec<u8>, result: &Evaluation<'_>, version: &Digits) {
        let flag = result.flag;
        out.extend_from_slice(b",\"version\":");
        out.extend_from_slice(version.as_bytes());
        let is_experiment = result.is_experiment();
        if is_experiment || flag.track_events() {
            out.extend_from_slice(b",\"trackEvents\":true");
        }
        if is_experiment {
            out.extend_from_slice(b",\"trackReason\":true");
        }
        if is_experiment || self.with_reasons {
            out.extend_from_slice(b",\"reason\":");
            result.reason.write(out);
        }
        if let Some(date) = flag.debug_events_until_date() {
            out.extend_from_slice(b",\"debugEventsUntilDate\":");
            number(out, date);
        }
        if let Some((first, others)) = result.prerequisites.split_first() {
            out.extend_from_slice(b",\"prerequisites\":[");
            string(out, first);
            for key in others {
                out.push(b',');
                string(out, key);
            }
            out.push(b']');
        }
    }
}

/// Appends what is served: `"value":...,"variation":...,"flagVersion":...`.
fn served(out: &mut Vec<u8>, result: &Evaluation<'_>) {
    out.extend_from_slice(b"\"value\":");
    out.extend_from_slice(result.text().map_or(b"null", |text| text.as_bytes()));
    if let Some(index) = result.variation_index {
        out.extend_from_slice(b",\"variation\":");
        digits(out, index as u64);
    }
    out.extend_from_slice(b",\"flagVersion\":");
    number(out, result.flag.version());
}

impl Reason<'_> {
    /// Appends its JSON, the same as serializing it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(self.kind.as_str().as_bytes());
        out.push(b'"');
        match self.kind {
            ReasonKind::RuleMatch { index, id, .. } => {
                out.extend_from_slice(b",\"ruleIndex\":");
                digits(out, index as u64);
                if !id.is_empty() {
                    out.extend_from_slice(b",\"ruleId\":");
                    string(out, id);
                }
            }
            ReasonKind::PrerequisiteFailed { key } => {
                out.extend_from_slice(b",\"prerequisiteKey\":");
                string(out, key);
            }
            ReasonKind::Error(kind) => {
                out.extend_from_slice(b",\"errorKind\":\"");
                out.extend_from_slice(kind.as_str().as_bytes());
                out.push(b'"');
            }
            ReasonKind::Off | ReasonKind::Fallthrough { .. } | ReasonKind::TargetMatch => {}
        }
        if self.is_in_experiment() {
            out.extend_from_slice(b",\"inExperiment\":true");
        }
        if let Some(status) = self.big_segments_status {
            out.extend_from_slice(b",\"bigSegmentsStatus\":\"");
            out.extend_from_slice(status.as_str().as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\' && b < 0x7f) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(Json::from(text).to_text().as_bytes());
    }
}

fn number(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    digits(out, number.unsigned_abs());
}

fn digits(out: &mut Vec<u8>, mut number: u64) {
    let begin = out.len();
    loop {
        #[allow(clippy::cast_possible_truncation)] // below ten
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(written) = out.get_mut(begin..) {
        written.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{BigSegmentsStatus, ErrorKind};

    #[test]
    fn a_reason_is_written_as_it_is_serialized() {
        let kinds = [
            ReasonKind::Off,
            ReasonKind::Fallthrough { in_experiment: true },
            ReasonKind::TargetMatch,
            ReasonKind::RuleMatch { index: 120, id: "", in_experiment: false },
            ReasonKind::RuleMatch { index: 0, id: "a \"b\" \\ \u{7} \u{7f} é", in_experiment: true },
            ReasonKind::PrerequisiteFailed { key: "other" },
            ReasonKind::Error(ErrorKind::MalformedFlag),
        ];
        for kind in kinds {
            for big_segments_status in [None, Some(BigSegmentsStatus::NotConfigured)] {
                let reason = Reason { kind, big_segments_status };
                let mut out = Vec::new();
                reason.write(&mut out);
                let told: serde_json::Value = serde_json::from_slice(&out).unwrap();
                assert_eq!(told, serde_json::to_value(reason).unwrap());
            }
        }
    }

    #[test]
    fn numbers_are_written_in_full() {
        for n in [0, 7, 10, -1, 1_234_567_890_123, i64::MIN, i64::MAX] {
            let mut out = b"x".to_vec();
            number(&mut out, n);
            assert_eq!(String::from_utf8(out).unwrap(), format!("x{n}"));
        }
    }
}

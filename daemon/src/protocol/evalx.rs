//! One result of a flag as LaunchDarkly's client-side SDKs read it, in bytes.

use shared::access::CredentialKind;
use shared::eval::{Evaluation, PreparedFlag, Reason, ReasonKind};
use shared::json::Json;

/// Whether a flag is told to whoever shows a credential of this kind; a server key sees everything.
pub const fn is_exposed(flag: &PreparedFlag, to: CredentialKind) -> bool {
    if flag.is_deleted() {
        return false;
    }
    match to {
        CredentialKind::Server => true,
        CredentialKind::Mobile => flag.availability().using_mobile_key,
        CredentialKind::ClientSideId => flag.availability().using_environment_id,
    }
}

/// Writes the members of a result, without braces. SDKs order by `version`, where there is one here, and report
/// `flagVersion`, the version of the flag's configuration.
pub fn members(out: &mut Vec<u8>, result: &Evaluation<'_>, version: Option<i64>, with_reason: bool) {
    out.extend_from_slice(b"\"value\":");
    out.extend_from_slice(result.text().map_or(&b"null"[..], |text| text.as_bytes()));
    if let Some(variation) = result.variation_index {
        out.extend_from_slice(b",\"variation\":");
        number(out, i64::try_from(variation).unwrap_or(i64::MAX));
    }
    if let Some(version) = version {
        out.extend_from_slice(b",\"version\":");
        number(out, version);
    }
    out.extend_from_slice(b",\"flagVersion\":");
    number(out, result.flag.version());
    if result.track_events() {
        out.extend_from_slice(b",\"trackEvents\":true");
    }
    let experiment = result.is_experiment();
    if experiment {
        out.extend_from_slice(b",\"trackReason\":true");
    }
    if with_reason || experiment {
        out.extend_from_slice(b",\"reason\":");
        reason(out, &result.reason);
    }
    if let Some(until) = result.flag.debug_events_until_date() {
        out.extend_from_slice(b",\"debugEventsUntilDate\":");
        number(out, until);
    }
    for (index, key) in result.prerequisites.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b",\"prerequisites\":[" } else { b"," });
        string(out, key);
    }
    if !result.prerequisites.is_empty() {
        out.push(b']');
    }
}

fn reason(out: &mut Vec<u8>, reason: &Reason<'_>) {
    out.extend_from_slice(b"{\"kind\":\"");
    out.extend_from_slice(reason.kind.as_str().as_bytes());
    out.push(b'"');
    match reason.kind {
        ReasonKind::RuleMatch { index, id, .. } => {
            out.extend_from_slice(b",\"ruleIndex\":");
            number(out, i64::try_from(index).unwrap_or(i64::MAX));
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
    if reason.is_in_experiment() {
        out.extend_from_slice(b",\"inExperiment\":true");
    }
    if let Some(status) = reason.big_segments_status {
        out.extend_from_slice(b",\"bigSegmentsStatus\":\"");
        out.extend_from_slice(status.as_str().as_bytes());
        out.push(b'"');
    }
    out.push(b'}');
}

/// Writes a JSON string; what needs no escape is copied.
pub fn string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        out.extend_from_slice(Json::from(text).to_text().as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Writes a whole number.
pub fn number(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    let mut rest = number.unsigned_abs();
    let start = out.len();
    loop {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::context::Context;
    use shared::eval::{EmptyStore, evaluate, prepare_flag};
    use shared::json::parse;

    fn written(document: &str, with_reason: bool) -> String {
        let flag = prepare_flag(&parse(document).unwrap()).unwrap();
        let result = evaluate(&EmptyStore, &flag, &Context::anonymous());
        let mut out = vec![b'{'];
        members(&mut out, &result, Some(90), with_reason);
        out.push(b'}');
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_result_is_written_as_its_author_wrote_it() {
        let on = r#"{"key":"f","version":7,"on":true,"variations":[{"b":1.0,"a":"é"}],"fallthrough":{"variation":0},"salt":"s"}"#;
        assert_eq!(
            written(on, false),
            r#"{"value":{"b":1.0,"a":"é"},"variation":0,"version":90,"flagVersion":7}"#
        );
        assert_eq!(
            written(on, true),
            r#"{"value":{"b":1.0,"a":"é"},"variation":0,"version":90,"flagVersion":7,"reason":{"kind":"FALLTHROUGH"}}"#
        );
    }

    #[test]
    fn without_a_variation_the_value_is_null() {
        assert_eq!(
            written(r#"{"key":"f","version":1,"on":false,"variations":[1],"salt":"s"}"#, true),
            r#"{"value":null,"version":90,"flagVersion":1,"reason":{"kind":"OFF"}}"#
        );
    }

    #[test]
    fn what_is_tracked_carries_its_reason_unasked() {
        let document = r#"{"key":"f","version":1,"on":true,"variations":[1],"fallthrough":{"variation":0},
            "trackEventsFallthrough":true,"debugEventsUntilDate":1700000000000,"salt":"s"}"#;
        assert_eq!(
            written(document, false),
            "{\"value\":1,\"variation\":0,\"version\":90,\"flagVersion\":1,\"trackEvents\":true,\
             \"trackReason\":true,\"reason\":{\"kind\":\"FALLTHROUGH\"},\"debugEventsUntilDate\":1700000000000}"
        );
        let rule = r#"{"key":"f","version":1,"on":true,"variations":[1],"trackEvents":true,"salt":"s",
            "rules":[{"id":"a\"b","clauses":[{"attribute":"key","op":"in","values":["anonymous"]}],"variation":0}]}"#;
        assert_eq!(
            written(rule, true),
            "{\"value\":1,\"variation\":0,\"version\":90,\"flagVersion\":1,\"trackEvents\":true,\
             \"reason\":{\"kind\":\"RULE_MATCH\",\"ruleIndex\":0,\"ruleId\":\"a\\\"b\"}}"
        );
    }

    #[test]
    fn reasons_are_the_ones_that_serde_writes() {
        use shared::eval::{BigSegmentsStatus, ErrorKind};
        let kinds = [
            ReasonKind::Off,
            ReasonKind::Fallthrough { in_experiment: true },
            ReasonKind::TargetMatch,
            ReasonKind::RuleMatch { index: 12, id: "", in_experiment: false },
            ReasonKind::RuleMatch { index: 0, id: "r", in_experiment: true },
            ReasonKind::PrerequisiteFailed { key: "p" },
            ReasonKind::Error(ErrorKind::MalformedFlag),
        ];
        for kind in kinds {
            for big_segments_status in [None, Some(BigSegmentsStatus::NotConfigured)] {
                let told = Reason { kind, big_segments_status };
                let mut out = Vec::new();
                reason(&mut out, &told);
                assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&told).unwrap());
            }
        }
    }

    #[test]
    fn numbers_are_written_whole() {
        for value in [0, 7, 10, -1, 1_700_000_000_000, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}

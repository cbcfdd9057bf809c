//! Contexts from anybody, and references into them, are read or refused.

use launchdarkly_server_sdk_evaluation as launchdarkly;
use shared::context::{Context, Reference, SentError, decode_sent};
use shared::json::parse;

/// Any text as a context.
pub fn contexts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(json) = parse(text) else { return };
    match Context::parse(&json) {
        Err(faults) => assert!(!faults.is_empty(), "refused without a reason: {text}"),
        Ok(context) => {
            stands(&context);
            assert_eq!(
                Context::parse_sent(bytes).unwrap().canonical_key(),
                context.canonical_key(),
                "{text}"
            );
        }
    }
}

/// Any bytes as the path of an SDK's request, and as its body.
pub fn base64_contexts(bytes: &[u8]) {
    if let Ok(segment) = std::str::from_utf8(bytes) {
        match decode_sent(segment) {
            Ok(decoded) => sent(&decoded),
            Err(error) => assert_eq!(error, SentError::NotBase64, "{segment}"),
        }
    }
    sent(bytes);
}

fn sent(bytes: &[u8]) {
    match Context::parse_sent(bytes) {
        Ok(context) => stands(&context),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// That what is written of a context is read as the same.
fn stands(context: &Context) {
    let canonical = context.to_canonical_text();
    let again =
        Context::parse_sent(canonical.as_bytes()).unwrap_or_else(|error| panic!("{error}: {canonical}"));
    assert_eq!(again.to_canonical_text(), canonical);
    assert_eq!(again.canonical_key(), context.canonical_key(), "{canonical}");
    assert!(!context.individuals().is_empty());
}

/// Any text as a reference to an attribute.
pub fn references(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let theirs = launchdarkly::Reference::new(text).is_valid();
    let ours = Reference::parse(text);
    assert_eq!(ours.is_ok(), theirs, "{text:?}: {ours:?}");
    if let Ok(reference) = ours {
        assert_eq!(Reference::parse(reference.as_str()), Ok(reference), "{text:?}");
    }
    if let Ok(literal) = Reference::literal(text) {
        let again = Reference::parse(literal.as_str()).unwrap();
        assert_eq!((again.first(), again.rest().len()), (text, 0));
    }
}

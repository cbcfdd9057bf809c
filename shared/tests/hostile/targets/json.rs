//! JSON from anybody: what is read is written as it was; patches and merges keep their laws.

use super::texts;
use shared::json::{
    Json, Pointer, TokenKind, diff, digest, json_patch, locate, locate_nearest, merge, merge_patch, parse,
    pointer_at, pretty, tokens,
};

/// Any text as an editor and as a reader see it; behind a NUL, any text as a pointer into it.
pub fn json(bytes: &[u8]) {
    let Some([text, pointer]) = texts(bytes) else { return };
    let mut end = 0;
    for token in tokens(text) {
        assert_eq!(token.range.start, end, "{text}");
        assert!(token.range.end > end && text.get(token.range.clone()).is_some(), "{text}");
        end = token.range.end;
    }
    assert_eq!(end, text.len(), "{text}");
    // What a person edits: places in deeper texts take their time.
    let edited = end < 1 << 16;
    for offset in (0..=end).step_by(end / 2 + 1).filter(|_| edited) {
        if let Some(pointer) = pointer_at(text, offset) {
            assert!(locate_nearest(text, &pointer).is_some(), "{text}: {pointer:?}");
        }
    }
    let pointer = Pointer::parse(pointer);
    if let Ok(pointer) = &pointer {
        assert_eq!(Pointer::parse(pointer.as_str()).as_ref(), Ok(pointer));
    }
    let Ok(json) = parse(text) else { return };
    assert!(tokens(text).iter().all(|token| token.kind != TokenKind::Invalid), "{text}");
    assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "others do not read it: {text}");
    for written in [json.to_text(), pretty(&json)] {
        let again = parse(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
        assert_eq!(again, json, "{written}");
        assert_eq!(digest(&again), digest(&json));
        assert!(again.same_value(&json), "{written}");
    }
    if let Ok(pointer) = pointer {
        let span = locate(text, &pointer);
        assert_eq!(span.map(|span| parse(&text[span]).unwrap()).as_ref(), pointer.resolve(&json), "{text}");
    }
}

/// Between NULs, a document and two others: patches of it, or other versions.
pub fn patches(bytes: &[u8]) {
    let Some([base, ours, theirs]) = texts(bytes) else { return };
    let (Ok(base), Ok(ours)) = (parse(base), parse(ours)) else { return };
    match json_patch(&base, &ours) {
        Ok(result) => assert_eq!(parse(&result.to_text()).as_ref(), Ok(&result)),
        Err(fault) => {
            // Either it stands in the patch, or it is the member that is missing there.
            let pointer = Pointer::parse(&fault.pointer).unwrap();
            let holder = pointer.parent().unwrap_or_default();
            assert!(pointer.resolve(&ours).is_some() || holder.resolve(&ours).is_some(), "{fault:?}");
        }
    }
    let merged = merge_patch(&base, &ours);
    assert_eq!(parse(&merged.to_text()).as_ref(), Ok(&merged));
    assert_eq!(merge_patch(&merged, &ours), merged);
    assert_eq!(diff(&base, &ours).is_empty(), base == ours);
    let Ok(theirs) = parse(theirs) else { return };
    yields(&base, &ours);
    match (merge(&base, &ours, &theirs), merge(&base, &theirs, &ours)) {
        (Ok(merged), Ok(_)) => assert_eq!(parse(&merged.to_text()), Ok(merged)),
        (Err(one), Err(other)) => assert_eq!(one.len(), other.len()),
        (one, other) => panic!("only one way around do they collide: {one:?} {other:?}"),
    }
}

/// That a side without changes yields to the other.
fn yields(base: &Json, changed: &Json) {
    for merged in [merge(base, changed, base), merge(base, base, changed), merge(base, changed, changed)] {
        assert_eq!(merged.as_ref(), Ok(changed));
    }
}

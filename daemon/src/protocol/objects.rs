//! LaunchDarkly's second protocol: intents, objects and a selector, as events or as one document.

use shared::json::Json;
use shared::revision::Position;
use uuid::Uuid;

use super::items::{Became, Item};

/// What a transfer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The environment, which is the payload.
    pub environment: Uuid,
    /// Where its state stands.
    pub position: Position,
    /// Its version.
    pub version: i64,
}

/// What a client is about to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Everything; it holds nothing that we know.
    Missing,
    /// Everything; what it holds is too old to go on from.
    CannotCatchUp,
    /// What changed.
    Changes,
    /// Nothing: it is up to date.
    UpToDate,
}

impl Intent {
    const fn code(self) -> &'static str {
        match self {
            Self::Missing | Self::CannotCatchUp => "xfer-full",
            Self::Changes => "xfer-changes",
            Self::UpToDate => "none",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "payload-missing",
            Self::CannotCatchUp => "cant-catchup",
            Self::Changes => "stale",
            Self::UpToDate => "up-to-date",
        }
    }
}

/// The selector of a state: what a client shows when it comes back, `(p:<environment>:<epoch>.<revision>)`.
pub fn selector(target: &Target) -> String {
    format!("(p:{}:{})", target.environment, target.position)
}

/// The position in a selector of this environment; `None` for any other text.
pub fn position(environment: Uuid, selector: &str) -> Option<Position> {
    let inner = selector.strip_prefix("(p:")?.strip_suffix(')')?;
    let (id, position) = inner.rsplit_once(':')?;
    (id.parse() == Ok(environment)).then(|| position.parse().ok())?
}

/// An event of the protocol: its name, and its data as JSON.
pub type Event = (&'static str, String);

/// A whole transfer: the intent, the items in this order, and the selector that it leads to.
pub fn transfer(intent: Intent, target: &Target, items: &[Item<'_>]) -> Vec<Event> {
    let mut events = vec![begin(intent, target)];
    // Nothing changed: the intent says all.
    if intent != Intent::UpToDate {
        events.extend(items.iter().map(object));
        events.push(transferred(target));
    }
    events
}

/// The event that opens a transfer.
pub fn begin(intent: Intent, target: &Target) -> Event {
    let payload: Json = [
        ("id", Json::from(target.environment.to_string())),
        ("target", Json::from(target.version)),
        ("intentCode", Json::from(intent.code())),
        ("reason", Json::from(intent.reason())),
    ]
    .into_iter()
    .collect();
    ("server-intent", format!("{{\"payloads\":[{}]}}", payload.to_text()))
}

/// The event that commits a transfer.
pub fn transferred(target: &Target) -> Event {
    let state = Json::from(selector(target)).to_text();
    ("payload-transferred", format!("{{\"state\":{state},\"version\":{}}}", target.version))
}

/// The event that says that the stream will end although its client may go on elsewhere.
pub fn goodbye(reason: &str) -> Event {
    ("goodbye", format!("{{\"reason\":{}}}", Json::from(reason).to_text()))
}

fn object(item: &Item<'_>) -> Event {
    match item.became {
        Became::Document(document) => {
            let version = document.get("version").and_then(Json::as_i64).unwrap_or_default();
            put_object(item.kind.singular(), item.key, version, document)
        }
        Became::Gone(version) => delete_object(item.kind.singular(), item.key, version),
    }
}

/// An object of any kind, new or changed.
pub fn put_object(kind: &str, key: &str, version: i64, object: &Json) -> Event {
    let mut data = format!("{{\"version\":{version},\"kind\":\"{kind}\",\"key\":");
    Json::from(key).write(&mut data);
    data.push_str(",\"object\":");
    object.write(&mut data);
    data.push('}');
    ("put-object", data)
}

/// An object of any kind that is gone.
pub fn delete_object(kind: &str, key: &str, version: i64) -> Event {
    let key = Json::from(key).to_text();
    ("delete-object", format!("{{\"version\":{version},\"kind\":\"{kind}\",\"key\":{key}}}"))
}

/// Events as a stream carries them.
pub fn streamed(events: &[Event]) -> String {
    let mut out = String::new();
    for (name, data) in events {
        out.push_str("event: ");
        out.push_str(name);
        out.push_str("\ndata: ");
        out.push_str(data);
        out.push_str("\n\n");
    }
    out
}

/// Events as a poll answers them: `{"events":[{"event":..,"data":..}]}`.
pub fn polled(events: &[Event]) -> String {
    let mut out = String::from("{\"events\":[");
    for (index, (name, data)) in events.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str("{\"event\":\"");
        out.push_str(name);
        out.push_str("\",\"data\":");
        out.push_str(data);
        out.push('}');
    }
    out.push_str("]}");
    out
}

#[cfg(test)]
mod tests {
    use super::super::items::Kind;
    use super::*;

    fn target() -> Target {
        Target { environment: Uuid::from_u128(0x17), position: Position::new(2, 48), version: 148 }
    }

    #[test]
    fn a_whole_transfer_is_an_intent_the_objects_and_a_selector() {
        let flag = shared::json::parse(r#"{"key":"f","version":7,"weight":1.0}"#).unwrap();
        let items = [Item::put(Kind::Flag, "f", &flag), Item::gone(Kind::Segment, "s", 9)];
        assert_eq!(
            streamed(&transfer(Intent::Missing, &target(), &items)),
            "event: server-intent\ndata: {\"payloads\":[{\"id\":\"00000000-0000-0000-0000-000000000017\",\
             \"target\":148,\"intentCode\":\"xfer-full\",\"reason\":\"payload-missing\"}]}\n\n\
             event: put-object\ndata: {\"version\":7,\"kind\":\"flag\",\"key\":\"f\",\
             \"object\":{\"key\":\"f\",\"version\":7,\"weight\":1.0}}\n\n\
             event: delete-object\ndata: {\"version\":9,\"kind\":\"segment\",\"key\":\"s\"}\n\n\
             event: payload-transferred\ndata: \
             {\"state\":\"(p:00000000-0000-0000-0000-000000000017:2.48)\",\"version\":148}\n\n"
        );
        assert_eq!(streamed(&[goodbye("leaving")]), "event: goodbye\ndata: {\"reason\":\"leaving\"}\n\n");
    }

    #[test]
    fn who_is_up_to_date_is_told_so_and_nothing_else() {
        let text = polled(&transfer(Intent::UpToDate, &target(), &[]));
        assert_eq!(
            text,
            "{\"events\":[{\"event\":\"server-intent\",\"data\":{\"payloads\":[\
             {\"id\":\"00000000-0000-0000-0000-000000000017\",\"target\":148,\"intentCode\":\"none\",\
             \"reason\":\"up-to-date\"}]}}]}"
        );
    }

    #[test]
    fn a_selector_reads_back_and_any_other_text_does_not() {
        let target = target();
        let text = selector(&target);
        assert_eq!(position(target.environment, &text), Some(target.position));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"():._-".contains(&b)));
        assert_eq!(position(Uuid::nil(), &text), None, "another environment's");
        for bad in ["", "(p:)", "()", "(p:x:2.48)", "2.48", "(p:00000000-0000-0000-0000-000000000017:2)"] {
            assert_eq!(position(target.environment, bad), None, "{bad}");
        }
    }
}

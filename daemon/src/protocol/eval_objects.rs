//! LaunchDarkly's second client-side protocol: results as objects, and a selector to go on from.

use shared::eval::EvalxForm;
use shared::json::Json;
use shared::revision::Position;
use uuid::Uuid;

use super::evalx::Told;

/// What a client is about to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Everything; it holds nothing that we know.
    Missing,
    /// Everything; what it holds is too old to go on from.
    CannotCatchUp,
    /// What may have changed.
    Changes,
    /// Nothing: it is up to date.
    UpToDate,
}

/// A context's results in one state of an environment.
#[derive(Clone, Debug)]
pub struct Target<'t> {
    /// The environment, which is the payload.
    pub environment: Uuid,
    /// Names the context and the options: a selector of another one leads nowhere.
    pub mark: &'t str,
    /// Where the state stands.
    pub position: Position,
    /// Its version.
    pub version: i64,
}

impl Target<'_> {
    /// What a client shows when it comes back: `(p:<environment>:<epoch>.<revision>.<mark>)`.
    pub fn selector(&self) -> String {
        format!("(p:{}:{}.{})", self.environment, self.position, self.mark)
    }
}

/// The position in a selector of this environment and mark; `None` for any other text.
pub fn position(environment: Uuid, mark: &str, selector: &str) -> Option<Position> {
    let inner = selector.strip_prefix("(p:")?.strip_suffix(')')?;
    let (id, state) = inner.rsplit_once(':')?;
    let (position, of) = state.rsplit_once('.')?;
    if of != mark || id.parse() != Ok(environment) {
        return None;
    }
    position.parse().ok()
}

/// How events are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// As a stream carries them.
    Stream,
    /// As one document: `{"events":[{"event":..,"data":..}]}`.
    Document,
}

/// Writes the events of one transfer, or of several.
pub struct Events {
    frame: Frame,
    out: Vec<u8>,
    any: bool,
}

impl Events {
    /// Nothing yet; about so many bytes will come.
    pub fn new(frame: Frame, bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes + 512);
        if frame == Frame::Document {
            out.extend_from_slice(b"{\"events\":[");
        }
        Self { frame, out, any: false }
    }

    /// Opens a transfer.
    pub fn begin(&mut self, intent: Intent, target: &Target<'_>) {
        let (code, reason) = match intent {
            Intent::Missing => ("xfer-full", "payload-missing"),
            Intent::CannotCatchUp => ("xfer-full", "cant-catchup"),
            Intent::Changes => ("xfer-changes", "stale"),
            Intent::UpToDate => ("none", "up-to-date"),
        };
        let data = format!(
            "{{\"payloads\":[{{\"id\":\"{}\",\"target\":{},\"intentCode\":\"{code}\",\"reason\":\"{reason}\"}}]}}",
            target.environment, target.version
        );
        self.event("server-intent", |out| out.extend_from_slice(data.as_bytes()));
    }

    /// A result, or that a flag is gone.
    pub fn object(&mut self, form: EvalxForm, key: &str, told: &Told<'_>) {
        let key = Json::from(key).to_text();
        let head = format!("{{\"version\":{},\"kind\":\"flag-eval\",\"key\":{key}", form.version);
        let (name, result) = match told {
            Told::Result(result) => ("put-object", Some(result)),
            Told::Gone => ("delete-object", None),
        };
        self.event(name, |out| {
            out.extend_from_slice(head.as_bytes());
            if let Some(result) = result {
                out.extend_from_slice(b",\"object\":");
                form.write(out, result);
            }
            out.push(b'}');
        });
    }

    /// Commits what was told since the last time.
    pub fn transferred(&mut self, target: &Target<'_>) {
        let data = format!("{{\"state\":\"{}\",\"version\":{}}}", target.selector(), target.version);
        self.event("payload-transferred", |out| out.extend_from_slice(data.as_bytes()));
    }

    /// Says that the stream ends although its client may go on elsewhere.
    pub fn goodbye(&mut self, reason: &str) {
        let data = format!("{{\"reason\":{}}}", Json::from(reason).to_text());
        self.event("goodbye", |out| out.extend_from_slice(data.as_bytes()));
    }

    /// What was written.
    pub fn finish(mut self) -> Vec<u8> {
        if self.frame == Frame::Document {
            self.out.extend_from_slice(b"]}");
        }
        self.out
    }

    fn event(&mut self, name: &str, data: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut self.out;
        match self.frame {
            Frame::Stream => super::evalx::event(out, name, data),
            Frame::Document => {
                if self.any {
                    out.push(b',');
                }
                out.extend_from_slice(b"{\"event\":\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\",\"data\":");
                data(out);
                out.push(b'}');
            }
        }
        self.any = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_back_for_its_environment_and_context_alone() {
        let (environment, position_) = (Uuid::from_u128(7), Position::new(2, 40));
        let target = Target { environment, mark: "0af", position: position_, version: 90 };
        let selector = target.selector();
        assert_eq!(selector, "(p:00000000-0000-0000-0000-000000000007:2.40.0af)");
        assert_eq!(position(environment, "0af", &selector), Some(position_));
        assert_eq!(position(environment, "0ae", &selector), None);
        assert_eq!(position(Uuid::from_u128(8), "0af", &selector), None);
        for junk in ["", "(p::)", "(p:1:2.40.0af)", "p:7:2.40.0af", "(p:7:2)", "(p:"] {
            assert_eq!(position(environment, "0af", junk), None, "{junk}");
        }
    }

    #[test]
    fn events_are_a_document_or_a_stream() {
        let target =
            Target { environment: Uuid::nil(), mark: "m", position: Position::new(1, 2), version: 3 };
        let form = EvalxForm { version: 3, with_reasons: false };
        let written = |frame| {
            let mut events = Events::new(frame, 0);
            events.begin(Intent::Changes, &target);
            events.object(form, "a", &Told::Gone);
            events.transferred(&target);
            String::from_utf8(events.finish()).unwrap()
        };
        let nil = Uuid::nil();
        let intent = format!(
            r#"{{"payloads":[{{"id":"{nil}","target":3,"intentCode":"xfer-changes","reason":"stale"}}]}}"#
        );
        let gone = r#"{"version":3,"kind":"flag-eval","key":"a"}"#;
        let done = format!(r#"{{"state":"(p:{nil}:1.2.m)","version":3}}"#);
        assert_eq!(
            written(Frame::Document),
            format!(
                r#"{{"events":[{{"event":"server-intent","data":{intent}}},{{"event":"delete-object","data":{gone}}},{{"event":"payload-transferred","data":{done}}}]}}"#
            )
        );
        assert_eq!(
            written(Frame::Stream),
            format!(
                "event: server-intent\ndata: {intent}\n\nevent: delete-object\ndata: {gone}\n\n\
                 event: payload-transferred\ndata: {done}\n\n"
            )
        );
        assert_eq!(Events::new(Frame::Document, 0).finish(), b"{\"events\":[]}");
    }
}

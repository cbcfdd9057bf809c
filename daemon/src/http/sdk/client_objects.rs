//! LaunchDarkly's second client-side protocol: what a client lacks, by the selector it shows.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use shared::access::CredentialKind;
use shared::context::Context;
use shared::revision::Position;

use super::client_asked::{ClientAsked, Door, Sent};
use super::client_stream::touched;
use super::refused::Refused;
use super::stream::{self, Leaving, Visitor, Wire};
use crate::live::clients::Protocol;
use crate::live::serving::{Change, ServedEnvironment, Serving, Step};
use crate::protocol::eval_objects::{self, Events, Frame, Intent, Target};
use crate::protocol::evalx::{Audience, Told};

/// `/sdk/poll/eval`: what the client lacks.
pub async fn poll(sent: Sent) -> Result<Response, Refused> {
    let (asked, mut objects) = arrive(&sent).await?;
    let mut response = Body::from(objects.catch_up(&asked.sdk.served, Frame::Document)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    asked.name_environment(headers);
    Ok(response)
}

/// `/sdk/stream/eval`: what the client lacks, then each change.
pub async fn stream(visitor: Visitor, sent: Sent) -> Result<Response, Refused> {
    let (asked, objects) = arrive(&sent).await?;
    stream::open(asked.sdk, &visitor, Protocol::LaunchDarklyClient, objects)
}

async fn arrive(sent: &Sent) -> Result<(ClientAsked, Objects), Refused> {
    let id = sent.parameter("auth");
    let door = id.as_deref().map_or(Door::Key(CredentialKind::Mobile), Door::Id);
    let mut asked = ClientAsked::arrive(sent, door, "POST").await?;
    let basis = sent.parameter("basis").filter(|basis| !basis.is_empty());
    let environment = asked.sdk.served.state.stored.row.id;
    let position =
        basis.as_deref().and_then(|basis| eval_objects::position(environment, &asked.mark(), basis));
    if let Some(position) = position {
        asked.sdk.catch_up(position).await;
    }
    let objects = Objects {
        audience: asked.audience,
        context: asked.context()?,
        mark: asked.mark(),
        basis,
        serving: Arc::clone(&asked.sdk.state.serving),
    };
    Ok((asked, objects))
}

/// One context's results, as objects.
struct Objects {
    audience: Audience,
    context: Context,
    mark: String,
    /// What the client holds, until it was told more.
    basis: Option<String>,
    serving: Arc<Serving>,
}

impl Objects {
    fn target(&self, served: &ServedEnvironment) -> Target<'_> {
        Target {
            environment: served.state.stored.row.id,
            mark: &self.mark,
            position: served.position,
            version: served.version(),
        }
    }

    /// What leads from the basis to this state.
    fn catch_up(&mut self, served: &ServedEnvironment, frame: Frame) -> Vec<u8> {
        let basis = self.basis.take();
        match basis.and_then(|basis| self.position(served, &basis)) {
            None => self.everything(Intent::Missing, served, frame),
            Some(position) => match self.serving.since(position, served) {
                Change::Everything => self.everything(Intent::CannotCatchUp, served, frame),
                Change::Steps(steps) => self.lacking(&steps, served, frame),
            },
        }
    }

    fn position(&self, served: &ServedEnvironment, basis: &str) -> Option<Position> {
        eval_objects::position(served.state.stored.row.id, &self.mark, basis)
    }

    fn everything(&self, intent: Intent, served: &ServedEnvironment, frame: Frame) -> Vec<u8> {
        let (rules, target) = (served.rules(), self.target(served));
        let mut events = Events::new(frame, self.audience.expected(rules) * 2);
        events.begin(intent, &target);
        let form = self.audience.form(target.version);
        for result in self.audience.results(rules, &self.context) {
            events.object(form, result.flag.key(), &Told::Result(result));
        }
        events.transferred(&target);
        events.finish()
    }

    /// What is not as the client has it, or may not be: its state is not there to compare with.
    fn lacking(&self, steps: &[Arc<Step>], served: &ServedEnvironment, frame: Frame) -> Vec<u8> {
        let target = self.target(served);
        let mut events = Events::new(frame, 0);
        if steps.is_empty() {
            events.begin(Intent::UpToDate, &target);
            return events.finish();
        }
        events.begin(Intent::Changes, &target);
        let form = self.audience.form(target.version);
        for key in touched(steps) {
            match self.audience.result(served.rules(), key, &self.context) {
                Some(result) => events.object(form, key, &Told::Result(result)),
                // It may be gone, or never have been shown to this client, who would learn its key.
                None => return self.everything(Intent::CannotCatchUp, served, frame),
            }
        }
        events.transferred(&target);
        events.finish()
    }
}

impl Wire for Objects {
    fn first(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        vec![self.catch_up(served, Frame::Stream).into()]
    }

    fn steps(
        &mut self,
        from: &Arc<ServedEnvironment>,
        to: &Arc<ServedEnvironment>,
        steps: &[Arc<Step>],
    ) -> Vec<Bytes> {
        let mut events = Events::new(Frame::Stream, 0);
        let form = self.audience.form(to.version());
        let mut any = false;
        for key in touched(steps) {
            if let Some(told) = self.audience.change((from.rules(), to.rules()), key, &self.context) {
                events.object(form, key, &told);
                any = true;
            }
        }
        if !any {
            return Vec::new();
        }
        events.transferred(&self.target(to));
        vec![events.finish().into()]
    }

    fn anew(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        vec![self.everything(Intent::CannotCatchUp, served, Frame::Stream).into()]
    }

    fn goodbye(&mut self, leaving: Leaving) -> Option<Bytes> {
        let mut events = Events::new(Frame::Stream, 0);
        events.goodbye(match leaving {
            Leaving::Drain => "the daemon stops",
            Leaving::Age => "the stream is old",
        });
        Some(events.finish().into())
    }
}

//! LaunchDarkly's client-side streams: every result first, then those that a change made differ.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use shared::access::CredentialKind;
use shared::context::Context;
use shared::key::FlagKey;

use super::client_asked::{ClientAsked, Door, Sent};
use super::refused::Refused;
use super::stream::{self, Visitor, Wire};
use crate::live::clients::Protocol;
use crate::live::serving::{ServedEnvironment, Step};
use crate::protocol::evalx::{self, Audience};

/// `/eval/{id}`: a browser.
pub async fn browser(visitor: Visitor, sent: Sent) -> Result<Response, Refused> {
    let door = Door::Id(sent.id.as_deref().unwrap_or_default());
    results(&visitor, &sent, door).await
}

/// `/meval`: a phone.
pub async fn mobile(visitor: Visitor, sent: Sent) -> Result<Response, Refused> {
    results(&visitor, &sent, Door::Key(CredentialKind::Mobile)).await
}

/// `/ping/{id}`: a browser that cannot send its context with a stream.
pub async fn browser_pings(visitor: Visitor, sent: Sent) -> Result<Response, Refused> {
    let door = Door::Id(sent.id.as_deref().unwrap_or_default());
    pings(&visitor, &sent, door).await
}

/// `/mping`: a phone that polls when told to.
pub async fn mobile_pings(visitor: Visitor, sent: Sent) -> Result<Response, Refused> {
    pings(&visitor, &sent, Door::Key(CredentialKind::Mobile)).await
}

async fn results(visitor: &Visitor, sent: &Sent, door: Door<'_>) -> Result<Response, Refused> {
    let asked = ClientAsked::arrive(sent, door, "REPORT").await?;
    let wire = Results { audience: asked.audience, context: asked.context()? };
    stream::open(asked.sdk, visitor, Protocol::LaunchDarklyClient, wire)
}

async fn pings(visitor: &Visitor, sent: &Sent, door: Door<'_>) -> Result<Response, Refused> {
    let sdk = door.open(sent).await?;
    stream::open(sdk, visitor, Protocol::LaunchDarklyClient, Pings)
}

/// One context's results.
struct Results {
    audience: Audience,
    context: Context,
}

impl Wire for Results {
    fn first(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        let mut out = Vec::with_capacity(self.audience.expected(served.rules()) + 32);
        evalx::event(&mut out, "put", |out| {
            self.audience.write_all(out, served.rules(), &self.context, served.version());
        });
        vec![out.into()]
    }

    fn steps(
        &mut self,
        from: &Arc<ServedEnvironment>,
        to: &Arc<ServedEnvironment>,
        steps: &[Arc<Step>],
    ) -> Vec<Bytes> {
        let mut out = Vec::new();
        let form = self.audience.form(to.version());
        for key in touched(steps) {
            if let Some(told) = self.audience.change((from.rules(), to.rules()), key, &self.context) {
                evalx::update(&mut out, form, key, &told);
            }
        }
        vec![out.into()]
    }
}

/// The flags whose result one of these steps may have altered, each once.
pub fn touched(steps: &[Arc<Step>]) -> Vec<&str> {
    let mut keys: Vec<&str> =
        steps.iter().flat_map(|step| step.affected.iter().map(FlagKey::as_str)).collect();
    if steps.len() > 1 {
        keys.sort_unstable();
        keys.dedup();
    }
    keys
}

/// Word that something changed, for clients that poll then.
struct Pings;

/// SDKs hear nothing of an event without data.
const PING: Bytes = Bytes::from_static(b"event: ping\ndata: {}\n\n");

impl Wire for Pings {
    fn first(&mut self, _: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        vec![PING]
    }

    fn steps(
        &mut self,
        _: &Arc<ServedEnvironment>,
        _: &Arc<ServedEnvironment>,
        steps: &[Arc<Step>],
    ) -> Vec<Bytes> {
        let any = steps.iter().any(|step| !step.affected.is_empty());
        if any { vec![PING] } else { Vec::new() }
    }
}

//! LaunchDarkly's second server-side protocol: objects, and a basis to go on from.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::HeaderMap;
use shared::access::CredentialKind;
use shared::revision::Position;

use super::asked::{self, SdkAsked};
use super::documents::{documents, items};
use super::poll::{self, Answer};
use super::refused::Refused;
use super::stream::{self, Leaving, Visitor, Wire};
use crate::http::AppState;
use crate::live::clients::Protocol;
use crate::live::serving::{Change, Piece, ServedEnvironment, Serving, Step};
use crate::protocol::objects::{self, Intent, Target};

/// The routes that answer at once.
pub fn quick() -> Router<AppState> {
    Router::new().route("/sdk/poll", get(poll))
}

/// The routes that last as long as their client stays.
pub fn lasting() -> Router<AppState> {
    Router::new().route("/sdk/stream", get(stream))
}

/// The target of a transfer that ends at this state.
pub fn target(served: &ServedEnvironment) -> Target {
    Target { environment: served.state.stored.row.id, position: served.position, version: served.version() }
}

/// The parameter `basis` of a query, escaped or not: the selector that a client holds.
pub fn basis(query: Option<&str>) -> Option<String> {
    let given = query?.split('&').find_map(|pair| pair.strip_prefix("basis="))?;
    // No selector holds a plus sign, so that one is not read as a space.
    let mut bytes = Vec::with_capacity(given.len());
    let mut rest = given.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.first_chunk::<2>()).flatten();
        let byte = escaped.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = after.get(if byte.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8(bytes).ok().filter(|basis| !basis.is_empty())
}

/// The position of a basis, where it is one of this environment.
async fn position(asked: &mut SdkAsked, basis: Option<&str>) -> Option<Position> {
    let position = objects::position(asked.served.state.stored.row.id, basis?)?;
    asked.catch_up(position).await;
    Some(position)
}

async fn poll(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let mut asked = asked::by_key(&state, &headers, &[CredentialKind::Server]).await?;
    let basis = basis(query.as_deref());
    let position = position(&mut asked, basis.as_deref()).await;
    let (told, steps) = told(&state.serving, position, &asked.served);
    let tag = poll::tag(&asked.served);
    let whole = matches!(told, Intent::Missing | Intent::CannotCatchUp);
    let plain = move |served: &ServedEnvironment| {
        if whole {
            // One document for everybody who is told everything: no client acts on the reason in it.
            let make = || Bytes::from(objects::polled(&transfer(Intent::Missing, served, &[])));
            served.piece(Piece::ObjectsPoll, make)
        } else {
            Bytes::from(objects::polled(&transfer(told, served, &steps)))
        }
    };
    let packed = whole.then_some(Piece::ObjectsPollGzip);
    poll::answer(&asked, &headers, Answer { tag, plain, packed }).await
}

async fn stream(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let mut asked = asked::by_key(&state, &headers, &[CredentialKind::Server]).await?;
    let basis = basis(query.as_deref());
    let position = position(&mut asked, basis.as_deref()).await;
    let serving = Arc::clone(&state.serving);
    let wire = Objects { serving, position };
    stream::open(asked, &visitor, Protocol::LaunchDarkly, wire)
}

/// What a client with this basis is told of a state, and by which steps.
fn told(
    serving: &Serving,
    position: Option<Position>,
    served: &ServedEnvironment,
) -> (Intent, Vec<Arc<Step>>) {
    match position.map(|position| serving.since(position, served)) {
        Some(Change::Steps(_)) if position == Some(served.position) => (Intent::UpToDate, Vec::new()),
        Some(Change::Steps(steps)) => {
            (Intent::Changes, Step::merged(&steps).map(Arc::new).into_iter().collect())
        }
        Some(Change::Everything) => (Intent::CannotCatchUp, Vec::new()),
        // A basis that cannot be read is none.
        None => (Intent::Missing, Vec::new()),
    }
}

fn transfer(intent: Intent, served: &ServedEnvironment, steps: &[Arc<Step>]) -> Vec<objects::Event> {
    let target = target(served);
    match intent {
        Intent::Missing | Intent::CannotCatchUp => {
            objects::transfer(intent, &target, &documents(served).items())
        }
        Intent::UpToDate => objects::transfer(intent, &target, &[]),
        Intent::Changes => {
            let all: Vec<_> = steps.iter().flat_map(|step| items(step)).collect();
            objects::transfer(intent, &target, &all)
        }
    }
}

/// The stream of objects.
struct Objects {
    serving: Arc<Serving>,
    /// Where its client stands, which showed a basis.
    position: Option<Position>,
}

/// Everything: an intent, then what all clients that are told everything share.
fn everything(intent: Intent, served: &ServedEnvironment) -> Vec<Bytes> {
    let objects = served.piece(Piece::Objects, || {
        let mut events = transfer(intent, served, &[]);
        events.remove(0);
        Bytes::from(objects::streamed(&events))
    });
    vec![Bytes::from(objects::streamed(&[objects::begin(intent, &target(served))])), objects]
}

impl Wire for Objects {
    fn first(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        match told(&self.serving, self.position, served) {
            (intent @ (Intent::Missing | Intent::CannotCatchUp), _) => everything(intent, served),
            (intent, steps) => vec![Bytes::from(objects::streamed(&transfer(intent, served, &steps)))],
        }
    }

    fn steps(
        &mut self,
        _: &Arc<ServedEnvironment>,
        to: &Arc<ServedEnvironment>,
        steps: &[Arc<Step>],
    ) -> Vec<Bytes> {
        let encoded = |step: &Arc<Step>| {
            step.piece(Piece::Objects, || {
                let items = items(step);
                if items.is_empty() {
                    return Bytes::new();
                }
                let target = Target { position: step.position, version: step.version, ..target(to) };
                Bytes::from(objects::streamed(&objects::transfer(Intent::Changes, &target, &items)))
            })
        };
        steps.iter().map(encoded).collect()
    }

    fn anew(&mut self, served: &Arc<ServedEnvironment>) -> Vec<Bytes> {
        everything(Intent::CannotCatchUp, served)
    }

    fn goodbye(&mut self, leaving: Leaving) -> Option<Bytes> {
        let reason = match leaving {
            Leaving::Drain => "the daemon stops; connect again",
            Leaving::Age => "the stream is old; connect again",
        };
        Some(Bytes::from(objects::streamed(&[objects::goodbye(reason)])))
    }
}

#[cfg(test)]
mod tests {
    use super::basis;

    #[test]
    fn a_basis_is_read_raw_and_escaped() {
        let read = |query: &str| basis(Some(query));
        let whole = Some("(p:1-a:2.3)".to_owned());
        for query in [
            "basis=(p:1-a:2.3)",
            "filter=x&basis=%28p%3A1-a%3a2.3%29",
            "basis=%28p:1-a:2.3%29&withReasons=true",
        ] {
            assert_eq!(read(query), whole, "{query}");
        }
        for query in ["", "basis=", "basis", "base=x", "basis=%ff"] {
            assert_eq!(read(query), None, "{query}");
        }
        assert_eq!(read("basis=%2"), Some("%2".to_owned()));
        assert_eq!(read("basis=%zz"), Some("%zz".to_owned()));
        assert_eq!(basis(None), None);
    }
}

//! Serves one connection, HTTP/1.1 or HTTP/2, until it ends or is overdue.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use shared::api::problem::ProblemKind;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tower::ServiceExt;

use super::arriving::Arriving;
use super::drain::Drain;
use super::limits::Limits;
use super::peer::Peer;
use super::problem::problem;
use super::watch::{Overdue, UnderWay, Watch, Watched};

/// What every connection of a daemon shares.
#[derive(Clone)]
pub struct Shared {
    /// Every route.
    pub app: Router,
    /// What a connection may cost.
    pub limits: Arc<Limits>,
    /// The end of the process.
    pub drain: Drain,
}

/// Serves `socket` until the client closes it, it is overdue, or the daemon goes.
/// `kept` lives as long as the socket, also after an upgrade to a WebSocket.
pub async fn serve<S, K>(socket: S, peer: Peer, shared: &Shared, kept: K)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    K: Unpin + Send + 'static,
{
    let watch = Watch::new();
    let limits = &shared.limits;
    let builder = builder(limits);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        answer(request, shared.app.clone(), shared.limits.clone(), watch.request())
    });
    let io = TokioIo::new(Watched::new(socket, watch.clone(), kept));
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let mut going = pin!(shared.drain.going());
    let mut gone = pin!(shared.drain.gone());
    let mut leaving = false;
    let mut timer = pin!(tokio::time::sleep(limits.head_timeout));
    let overdue = poll_fn(|cx| {
        watch.register(cx);
        if !leaving && going.as_mut().poll(cx).is_ready() {
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(end) = connection.as_mut().poll(cx) {
            if let Err(error) = end {
                tracing::debug!("net.error" = %error, "a connection broke");
            }
            return Poll::Ready(None);
        }
        if gone.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        // A timer that fires early is cheaper than one that is moved with every request.
        loop {
            let Some((due, why)) = watch.due(limits) else { return Poll::Pending };
            if due <= std::time::Instant::now() {
                return Poll::Ready(Some(why));
            }
            let due = Instant::from_std(due);
            if timer.is_elapsed() || due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
    let Some(why) = overdue else { return };
    metrics::counter!("flagstaff_connections_cut_total", "why" => why.word()).increment(1);
    if why == Overdue::Idle {
        // HTTP/2 is told; whoever asks in this very moment gets an answer.
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(limits.head_timeout, connection).await;
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watch is stricter; this is what would be left if it failed.
        .header_read_timeout(limits.idle_timeout + limits.head_timeout)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(128)
        .max_send_buf_size(256 * 1024)
        .keep_alive_interval(std::time::Duration::from_secs(20))
        .keep_alive_timeout(std::time::Duration::from_secs(20));
    builder
}

async fn answer(
    request: Request<Incoming>,
    app: Router,
    limits: Arc<Limits>,
    under_way: UnderWay,
) -> Result<Response<Counted>, Infallible> {
    let stalled = Arc::new(AtomicBool::new(false));
    let request = request.map(|body| {
        if http_body::Body::is_end_stream(&body) {
            return Body::empty();
        }
        Body::new(Arriving::new(body, limits.body_timeout, stalled.clone()))
    });
    let mut response = app.oneshot(request).await?;
    if stalled.load(Ordering::Relaxed) {
        let detail = "The body stopped arriving before it was complete; send it again.";
        let id = response.headers_mut().remove("x-request-id");
        let instance = id.as_ref().and_then(|id| id.to_str().ok());
        response = problem(ProblemKind::RequestTimeout, detail, instance);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Some(id) = id {
            response.headers_mut().insert("x-request-id", id);
        }
    }
    Ok(response.map(|inner| Counted { inner, _under_way: under_way }))
}

/// An answer's body; its request is under way as long as it is being sent.
struct Counted {
    inner: Body,
    _under_way: UnderWay,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

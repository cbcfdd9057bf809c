//! Accepts connections until the daemon goes, then sees them out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use nix::errno::Errno;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::connection::{self, Shared};
use super::drain::Drain;
use super::limits::Limits;
use super::listen::{Listeners, SocketFile};
use super::peer::Peer;
use super::places::{Full, Place, Places};
use super::tls::Tls;

/// What a plain connection is told when there is no place for it.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Serves `app` on all listeners until `drain` begins and the last connection is gone, or overdue.
pub async fn run(listeners: Listeners, app: Router, limits: Limits, drain: Drain) {
    let shared = Shared { app, limits: Arc::new(limits), drain };
    let door = Door { shared, places: Arc::default(), tracker: TaskTracker::new() };
    let mut doors = tokio::task::JoinSet::new();
    for listener in listeners.tcp {
        doors.spawn(door.clone().tcp(listener, listeners.tls.clone()));
    }
    if let Some(socket) = listeners.unix {
        doors.spawn(door.clone().unix(socket));
    }
    door.shared.drain.going().await;
    // The listeners close here, so that the next daemon can open them.
    while doors.join_next().await.is_some() {}
    door.tracker.close();
    door.see_out().await;
}

#[derive(Clone)]
struct Door {
    shared: Shared,
    places: Arc<Places>,
    tracker: TaskTracker,
}

impl Door {
    async fn tcp(self, listener: TcpListener, tls: Option<Tls>) {
        let mut going = std::pin::pin!(self.shared.drain.going());
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut going => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => match self.places.take(Some(address.ip()), &self.shared.limits) {
                    Ok(place) => self.admit_tcp(stream, Peer::Tcp(address), place, tls.as_ref()),
                    Err(full) => {
                        turned_away(full);
                        if tls.is_none() {
                            let _ = stream.try_write(FULL);
                        }
                    }
                },
                Err(error) => pause_after(&error).await,
            }
        }
    }

    async fn unix(self, socket: SocketFile) {
        let mut going = std::pin::pin!(self.shared.drain.going());
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut going => return,
                accepted = socket.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => match self.places.take(None, &self.shared.limits) {
                    Ok(place) => self.admit_unix(stream, place),
                    Err(full) => {
                        turned_away(full);
                        let _ = stream.try_write(FULL);
                    }
                },
                Err(error) => pause_after(&error).await,
            }
        }
    }

    fn admit_tcp(&self, stream: TcpStream, peer: Peer, place: Place, tls: Option<&Tls>) {
        if let Err(error) = tune(&stream) {
            tracing::debug!("net.error" = %error, "a connection was gone before it began");
            return;
        }
        let (shared, kept) = (self.shared.clone(), self.keep(place));
        let acceptor = tls.map(|tls| TlsAcceptor::from(tls.current()));
        self.tracker.spawn(async move {
            let Some(acceptor) = acceptor else {
                return connection::serve(stream, peer, &shared, kept).await;
            };
            let handshake = acceptor.accept(stream);
            match tokio::time::timeout(shared.limits.handshake_timeout, handshake).await {
                Ok(Ok(stream)) => connection::serve(stream, peer, &shared, kept).await,
                Ok(Err(error)) => tracing::debug!("net.error" = %error, "a TLS handshake failed"),
                Err(_) => {
                    metrics::counter!("flagstaff_connections_cut_total", "why" => "handshake").increment(1);
                }
            }
        });
    }

    fn admit_unix(&self, stream: UnixStream, place: Place) {
        let (shared, kept) = (self.shared.clone(), self.keep(place));
        self.tracker.spawn(async move {
            match Peer::of_unix(&stream) {
                Ok(peer) => connection::serve(stream, peer, &shared, kept).await,
                Err(error) => tracing::debug!("net.error" = %error, "a peer can't be told"),
            }
        });
    }

    /// What a socket holds until it closes: its place, and our patience at the end.
    fn keep(&self, place: Place) -> Kept {
        metrics::gauge!("flagstaff_connections").increment(1.0);
        Kept { _place: place, _token: self.tracker.token() }
    }

    async fn see_out(&self) {
        let (drain, limits) = (&self.shared.drain, &self.shared.limits);
        let patience = limits.drain_requests.max(drain.spread() + Duration::from_secs(2));
        tokio::select! {
            () = self.tracker.wait() => return,
            () = drain.gone() => {}
            () = tokio::time::sleep(patience.min(limits.drain_deadline)) => {
                tracing::warn!("net.open" = self.places.open(), "connections that didn't end are cut");
            }
        }
        drain.cut();
        // Upgraded sockets belong to their handlers, which watch `drain` too; don't wait for a deaf one.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.tracker.wait()).await;
    }
}

#[derive(Debug)]
struct Kept {
    _place: Place,
    _token: TaskTrackerToken,
}

impl Drop for Kept {
    fn drop(&mut self) {
        metrics::gauge!("flagstaff_connections").decrement(1.0);
    }
}

fn turned_away(full: Full) {
    metrics::counter!("flagstaff_connections_refused_total", "limit" => full.word()).increment(1);
}

/// The most bytes that the kernel keeps for a client and has not sent: its own limit is megabytes, which a
/// crowd of clients that take nothing would pin.
const UNSENT: u32 = 128 * 1024;

/// A client whose machine is gone is noticed within a minute, whatever it was doing.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10));
    socket.set_tcp_keepalive(&keepalive.with_retries(3))?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    #[cfg(not(target_os = "linux"))]
    socket.set_send_buffer_size(UNSENT as usize)?;
    Ok(())
}

/// Out of file descriptors or memory: accepting again at once would only burn the processor.
async fn pause_after(error: &io::Error) {
    let out = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM];
    let ours = error.raw_os_error().is_some_and(|code| out.contains(&Errno::from_raw(code)));
    if ours {
        metrics::counter!("flagstaff_accept_errors_total").increment(1);
        tracing::error!("net.error" = %error, "no connection can be accepted; trying again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    } else {
        tracing::debug!("net.error" = %error, "a connection was gone before it began");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_accepted_connection_is_bounded_in_what_waits_and_in_how_long() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let socket = SockRef::from(&accepted);
        assert_ne!(socket.tcp_notsent_lowat().unwrap(), UNSENT, "the kernel's own bound is another");
        tune(&accepted).unwrap();
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), 128 * 1024);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)));
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    }
}

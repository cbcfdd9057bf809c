//! What the Engine.IO transport calls: packets become calls of the hub.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engineioxide::handler::EngineIoHandler;
use engineioxide::{DisconnectReason, Socket, Str};

use super::hub::Hub;
use crate::protocol::socketio::{MAIN, Says, parse};

/// A transport whose client asks for nothing is closed after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(45);

/// The handler of all transports.
#[derive(Debug)]
pub struct Door {
    hub: Arc<Hub>,
}

impl Door {
    /// The door of a hub.
    pub const fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }
}

impl EngineIoHandler for Door {
    type Data = ();

    fn on_connect(self: Arc<Self>, socket: Arc<Socket<()>>) {
        let drain = self.hub.state.drain.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(CONNECT_TIMEOUT) => {}
                () = drain.stream_end() => {}
                () = socket.closed() => return,
            }
            if !self.hub.holds(socket.id) {
                socket.close(DisconnectReason::TransportError);
            }
        });
    }

    fn on_disconnect(&self, socket: Arc<Socket<()>>, reason: DisconnectReason) {
        tracing::debug!(?reason, "a Socket.IO client is gone");
        self.hub.remove(socket.id);
    }

    fn on_message(self: &Arc<Self>, message: Str, socket: Arc<Socket<()>>) {
        let packet = match parse(&message) {
            Ok(packet) => packet,
            Err(error) => {
                tracing::debug!(%error, "a Socket.IO client sent what is not a packet");
                return socket.close(DisconnectReason::PacketParsingError);
            }
        };
        match packet.says {
            Says::Connect(auth) => self.hub.connect(&socket, &packet.namespace, &auth),
            _ if packet.namespace != MAIN => {}
            Says::Disconnect => self.hub.remove(socket.id),
            Says::Event { id, name, arguments } => {
                if !self.hub.heard(socket.id, id, &name, &arguments) {
                    socket.close(DisconnectReason::PacketParsingError);
                }
            }
            Says::Ack => {}
        }
    }

    fn on_binary(self: &Arc<Self>, _: Bytes, socket: Arc<Socket<()>>) {
        socket.close(DisconnectReason::PacketParsingError);
    }
}

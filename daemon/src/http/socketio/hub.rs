//! The rooms and who is in them: every change of either, and every event, happens under one lock.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineioxide::socket::Sid;
use engineioxide::{DisconnectReason, Socket};
use shared::json::Json;
use shared::key::{EnvironmentKey, ProjectKey};

use super::connection::{Carries, Connection, Out};
use super::identify::{Presented, Who, presented, who};
use super::members::{Inner, Member, described};
use super::replay;
use crate::http::AppState;
use crate::http::error::ApiError;
use crate::live::catalog::Place;
use crate::live::clients::{Introduction, Protocol};
use crate::net::peer::Peer;
use crate::protocol::recovery::{MAX_ROOMS, RecoveryKey};
use crate::protocol::socketio::{ack, connected, refused};

/// All Socket.IO clients of this daemon.
pub struct Hub {
    /// What handlers share.
    pub state: AppState,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hub")
    }
}

/// What `subscribe` and `unsubscribe` are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To hear of an environment.
    Join,
    /// No longer to.
    Leave,
}

impl Hub {
    /// A hub without clients.
    pub fn new(state: AppState) -> Self {
        Self { state, inner: Mutex::default() }
    }

    /// The lock, and everything told that can be told.
    pub fn current(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        super::emit::advance(&self.state, &mut inner);
        inner
    }

    /// What seals the state that clients carry, at this moment.
    fn key(&self) -> Option<RecoveryKey> {
        self.state.secrets.socketio().map(RecoveryKey::new)
    }

    /// Lets a client in, or refuses it for good.
    pub fn connect(&self, socket: &Arc<Socket<()>>, namespace: &str, auth: &Json) {
        if namespace != crate::protocol::socketio::MAIN {
            let _ = socket.emit(refused(namespace, "Invalid namespace", "not-found"));
            return;
        }
        let catalog = self.state.live.catalog();
        let known = presented(auth, &socket.req_parts)
            .and_then(|shown| Ok((who(&self.state, &catalog, &socket.req_parts, &shown)?, shown)));
        match known {
            Ok((who, presented)) => self.admit(socket, who, presented, auth),
            Err(error) if error.problem.status >= 500 => socket.close(DisconnectReason::ClosingServer),
            Err(error) => refuse(socket, &error),
        }
    }

    fn admit(&self, socket: &Arc<Socket<()>>, who: Who, presented: Presented, auth: &Json) {
        let now = self.state.clock.now().unix_timestamp();
        let text = |member: &str| auth.get(member).and_then(Json::as_str);
        let key = self.key();
        if key.is_none() && (text("pid").is_some() || self.state.secrets.is_pending()) {
            // Without the key it would come back as a stranger and hear nothing; in a moment there is one.
            return socket.close(DisconnectReason::ClosingServer);
        }
        let heard = key.as_ref().and_then(|key| {
            let (pid, offset) = (text("pid")?, text("offset")?);
            if !key.knows(pid, &who.caller.principal) {
                return None;
            }
            Some((pid.to_owned(), key.read_offset(pid, offset, now)?))
        });
        let carries = key.as_ref().map(|key| {
            let pid = heard.as_ref().map(|(pid, _)| pid.clone());
            let fresh = || {
                let mut random = [0; 16];
                rand::fill(&mut random);
                key.pid(random, &who.caller.principal)
            };
            Carries { key: key.clone(), pid: pid.unwrap_or_else(fresh) }
        });
        let session = session_id();
        let reply = connected(&session, carries.as_ref().map(|c| c.pid.as_str()));
        let mut inner = self.current();
        let inner = &mut *inner;
        if inner.members.contains_key(&socket.id) {
            // A second CONNECT on one transport is no protocol.
            return socket.close(DisconnectReason::PacketParsingError);
        }
        let catalog = self.state.live.catalog();
        let before = heard.as_ref().map(|(_, offset)| offset);
        let mut rooms = BTreeSet::new();
        for id in before.map_or(&[][..], |offset| &offset.rooms) {
            let environment = catalog.environments.iter().find(|(_, e)| e.stored.row.id == *id);
            if let Some((place, _)) = environment.filter(|(place, _)| who.may_hear(place)) {
                rooms.extend(inner.enter(&catalog, place));
            }
        }
        let home = who.home.as_ref().and_then(|home| inner.enter(&catalog, home));
        rooms.extend(home);
        let rooms = Arc::new(rooms);
        let registered = self.state.live.clients().register(self.introduction(socket, &who));
        let connection = Arc::new(Connection::new(Arc::clone(socket), who, presented, carries, now));
        connection.push([Out::Whole(reply.into())]);
        let leave = self.state.drain.stream_end();
        tokio::spawn(Arc::clone(&connection).pump(Arc::clone(&self.state.clock), leave));
        let member = Member { connection, rooms, registered };
        if let Some(offset) = before {
            let missed = replay::missed(&self.state, &catalog, inner, &member.rooms, offset.position);
            member.tell(&missed);
            member.synced(inner.emitted);
        } else if home.is_some() {
            member.subscribed(inner);
        }
        metrics::counter!("flagstaff_socketio_connects_total", "recovered" => before.is_some().to_string())
            .increment(1);
        inner.members.insert(socket.id, member);
        if socket.is_closed()
            && let Some(member) = inner.members.remove(&socket.id)
        {
            // It went while it came in: nobody will call `remove` any more.
            member.connection.end();
        }
        metrics::gauge!("flagstaff_socketio_clients").set(count(inner));
    }

    fn introduction(&self, socket: &Socket<()>, who: &Who) -> Introduction {
        let address = match socket.req_parts.extensions.get::<Peer>() {
            Some(Peer::Tcp(address)) => address.to_string(),
            _ => "unix".to_owned(),
        };
        let agent = socket.req_parts.headers.get(http::header::USER_AGENT).and_then(|v| v.to_str().ok());
        let query = axum::extract::Query::<HashMap<String, String>>::try_from_uri(&socket.req_parts.uri);
        Introduction {
            protocol: Protocol::SocketIo,
            principal: who.caller.principal.clone(),
            address,
            user_agent: agent.map(ToOwned::to_owned),
            name: query.ok().and_then(|query| query.0.get("name").cloned()),
            since: self.state.clock.now(),
        }
    }

    /// Forgets a client.
    pub fn remove(&self, sid: Sid) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(member) = inner.members.remove(&sid) {
            member.connection.end();
        }
        metrics::gauge!("flagstaff_socketio_clients").set(count(&inner));
    }

    /// Whether the transport's client was let in.
    pub fn holds(&self, sid: Sid) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).members.contains_key(&sid)
    }

    /// An event of a client; false where it was not let in.
    pub fn heard(&self, sid: Sid, id: Option<u64>, name: &str, arguments: &[Json]) -> bool {
        let mut inner = self.current();
        let inner = &mut *inner;
        let Some(mut member) = inner.members.remove(&sid) else { return false };
        let wish = match name {
            "subscribe" => Some(Wish::Join),
            "unsubscribe" => Some(Wish::Leave),
            _ => None,
        };
        let done = match wish {
            Some(wish) => self.wish(inner, &mut member, wish, arguments.first()),
            None => Err("there are the events subscribe and unsubscribe".to_owned()),
        };
        let mut answer: Json = [("ok", Json::Bool(done.is_ok()))].into_iter().collect();
        match &done {
            Ok(place) => {
                described(place, &mut answer);
                answer.set("revision", Json::from(inner.emitted.revision.0));
            }
            Err(error) => answer.set("error", Json::from(error.as_str())),
        }
        if let Some(id) = id {
            member.connection.push([Out::Whole(ack(id, &answer).into())]);
        }
        match (wish, done) {
            (Some(_), Ok(_)) => member.subscribed(inner),
            (Some(_), Err(error)) => {
                let told: Json = [("error", Json::from(error))].into_iter().collect();
                member.event("subscribe_error", &told, inner.emitted);
            }
            (None, _) => {}
        }
        inner.members.insert(sid, member);
        true
    }

    fn wish(
        &self,
        inner: &mut Inner,
        member: &mut Member,
        wish: Wish,
        argument: Option<&Json>,
    ) -> Result<Place, String> {
        let place = place_of(argument)?;
        let unknown = || format!("there is no environment {} in project {}", place.1, place.0);
        let catalog = self.state.live.catalog();
        if !member.connection.who.may_hear(&place) {
            // Who may not hear of it does not learn whether it is there.
            return Err(unknown());
        }
        let found = catalog.environment(&place.0, &place.1).ok_or_else(unknown)?;
        let id = found.stored.row.id;
        match wish {
            Wish::Leave => {
                Arc::make_mut(&mut member.rooms).remove(&id);
            }
            Wish::Join if member.rooms.len() >= MAX_ROOMS && !member.rooms.contains(&id) => {
                return Err(format!("one client listens to at most {MAX_ROOMS} environments"));
            }
            Wish::Join => {
                let id = inner.enter(&catalog, &place).ok_or_else(unknown)?;
                Arc::make_mut(&mut member.rooms).insert(id);
            }
        }
        Ok(place)
    }
}

/// The environment that an argument names: its key, or `{project, environment}`.
fn place_of(argument: Option<&Json>) -> Result<Place, String> {
    let (project, environment) = match argument {
        Some(Json::String(environment)) => (None, Some(environment.as_str())),
        Some(object @ Json::Object(_)) => (
            match object.get("project") {
                None | Some(Json::Null) => None,
                Some(Json::String(project)) => Some(project.as_str()),
                Some(_) => return Err("project must be a key".to_owned()),
            },
            object.get("environment").and_then(Json::as_str),
        ),
        _ => (None, None),
    };
    let environment =
        environment.ok_or_else(|| "name an environment: its key, or {project, environment}".to_owned())?;
    let environment = EnvironmentKey::new(environment).map_err(|e| format!("environment: {e}"))?;
    let project = match project {
        Some(project) => ProjectKey::new(project).map_err(|e| format!("project: {e}"))?,
        None => ProjectKey::default(),
    };
    Ok((project, environment))
}

fn refuse(socket: &Socket<()>, error: &ApiError) {
    let code = error.problem.type_.rsplit(['/', ':', '#']).next().unwrap_or_default();
    let _ = socket.emit(refused(crate::protocol::socketio::MAIN, "unauthorized", code));
}

/// The client's public id; that of its transport is a secret.
fn session_id() -> String {
    use base64::Engine as _;
    let mut random = [0; 15];
    rand::fill(&mut random);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random)
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float, and nobody has 2^52 clients")]
fn count(inner: &Inner) -> f64 {
    inner.members.len() as f64
}

//! The clients that hear changes, of all daemons: how many there are where, and who is behind.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::http::AppState;
use crate::live::behind::{self, Standing, Told};

/// More clients than this are counted and not listed as behind.
const MOST: usize = 100;

/// The clients that hear changes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientsStatus {
    /// How many hear changes from this daemon.
    connected: usize,
    /// How many of them say what they applied.
    acknowledging: usize,
    /// How many of those are not behind.
    current: usize,
    /// How many speak what, to this daemon.
    by_protocol: BTreeMap<&'static str, usize>,
    /// The clients of all daemons.
    everywhere: Counts,
    /// The clients of all daemons by the environment they hear, `project/environment`.
    by_environment: BTreeMap<String, Counts>,
    /// Those of all daemons that are behind, the longest first, at most a hundred.
    behind: Vec<BehindClient>,
    /// Each that hears changes from this daemon, the oldest first; only who may operate sees it.
    list: Option<Vec<ClientStatus>>,
}

/// How many clients there are.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
#[schema(as = ClientCounts)]
pub struct Counts {
    /// How many hear changes.
    connected: usize,
    /// How many of them say what they applied.
    acknowledging: usize,
    /// How many of those applied everything that they hear.
    current: usize,
    /// How many of those did not.
    behind: usize,
}

impl Counts {
    const fn count(&mut self, client: &Told) {
        self.connected += 1;
        match client.current {
            None => return,
            Some(true) => self.current += 1,
            Some(false) => self.behind += 1,
        }
        self.acknowledging += 1;
    }
}

/// A client that is behind.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BehindClient {
    /// What it calls itself, else its program.
    name: Option<String>,
    /// What it speaks.
    protocol: String,
    /// The environments that it hears, `project/environment`.
    environments: Vec<String>,
    /// The last revision that it said to have applied.
    applied: Option<i64>,
    /// When the oldest change was made that it has not applied, RFC 3339.
    since: Option<String>,
    /// How many seconds ago that was.
    seconds: i64,
    /// The name of its daemon's host.
    daemon: String,
    /// Where it comes from; only who may operate sees it.
    address: Option<String>,
    /// Who it is for; only who may operate sees it.
    principal: Option<String>,
}

/// One client of this daemon.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ClientStatus {
    /// Its number in this daemon.
    id: u64,
    /// What it calls itself: `name` of its subscription or address.
    name: Option<String>,
    /// What it speaks.
    protocol: &'static str,
    /// Who it is for.
    principal: String,
    /// Where it comes from.
    address: String,
    /// The program, as it calls itself.
    user_agent: Option<String>,
    /// Since when it is connected, RFC 3339.
    since: String,
    /// What it hears.
    topics: Vec<String>,
    /// The position of the last change or snapshot that was written to it.
    sent: Option<String>,
    /// The last revision that it said to have applied.
    applied: Option<i64>,
    /// Whether it applied everything that it hears.
    current: Option<bool>,
    /// When the oldest change was made that it has not applied, RFC 3339.
    behind_since: Option<String>,
}

impl ClientStatus {
    fn of(standing: &Standing) -> Self {
        let client = standing.client.clone();
        let introduction = client.introduction;
        Self {
            id: client.id,
            name: introduction.name,
            protocol: introduction.protocol.as_str(),
            principal: introduction.principal,
            address: introduction.address,
            user_agent: introduction.user_agent,
            since: told(introduction.since),
            topics: client.topics,
            sent: client.sent.map(|p| p.to_string()),
            applied: client.applied.map(|r| r.0),
            current: standing.current,
            behind_since: standing.behind_since.map(told),
        }
    }
}

/// A time as RFC 3339.
pub fn told(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// What a caller may see of the clients.
pub fn view(state: &AppState, operates: bool) -> ClientsStatus {
    let standings = behind::standings(&state.live);
    let mut by_protocol = BTreeMap::new();
    for standing in &standings {
        *by_protocol.entry(standing.client.introduction.protocol.as_str()).or_default() += 1;
    }
    let list = operates.then(|| standings.iter().map(ClientStatus::of).collect());
    let own: Vec<Told> = standings.into_iter().map(Told::from).collect();
    let mut here = Counts::default();
    own.iter().for_each(|client| here.count(client));
    let found = state.live.daemons().found();
    let myself = found.myself.as_ref();
    let others =
        found.all.iter().filter(|daemon| Some(daemon.id) != myself.map(|m| m.id)).flat_map(|daemon| {
            let clients: Vec<Told> = serde_json::from_str(&daemon.clients).unwrap_or_default();
            clients.into_iter().map(|client| (daemon.name.as_str(), client))
        });
    let name = myself.map_or("", |m| m.name.as_str());
    let all: Vec<(&str, Told)> = own.into_iter().map(|client| (name, client)).chain(others).collect();
    let mut everywhere = Counts::default();
    let mut by_environment: BTreeMap<String, Counts> = BTreeMap::new();
    for (_, client) in &all {
        everywhere.count(client);
        for environment in &client.environments {
            by_environment.entry(environment.clone()).or_default().count(client);
        }
    }
    let mut late: Vec<_> = all.into_iter().filter(|(_, client)| client.current == Some(false)).collect();
    late.sort_by_key(|(_, client)| client.behind_since.map_or(i64::MAX, OffsetDateTime::unix_timestamp));
    let now = state.clock.now();
    let behind = late.into_iter().take(MOST).map(|(daemon, client)| BehindClient {
        name: client.name,
        protocol: client.protocol,
        environments: client.environments,
        applied: client.applied,
        since: client.behind_since.map(told),
        seconds: client.behind_since.map_or(0, |since| (now - since).whole_seconds().max(0)),
        daemon: daemon.to_owned(),
        address: operates.then_some(client.address),
        principal: operates.then_some(client.principal),
    });
    ClientsStatus {
        connected: here.connected,
        acknowledging: here.acknowledging,
        current: here.current,
        by_protocol,
        everywhere,
        by_environment,
        behind: behind.collect(),
        list,
    }
}

//! How client, daemons, database and clients are, in lines: for the screen and for a report.

use super::fleet::{self, Counts};
use crate::cache::rows::{instant, number, text as word, truth};
use crate::text;
use crate::theme::Token;
use crate::world::{Link, World};
use shared::json::Json;
use std::collections::VecDeque;
use std::time::Duration;

/// A line: a label, or none where it goes on, what it says, its look.
pub type Line = (&'static str, String, Token);

/// The round trip that this share of all was as fast as, or faster; none without any.
#[must_use]
pub fn percentile(trips: &VecDeque<Duration>, share: usize) -> Option<Duration> {
    let mut sorted: Vec<Duration> = trips.iter().copied().collect();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    // The nearest rank: of a hundred, p99 is the 99th.
    let at = (sorted.len() * share).div_ceil(100).saturating_sub(1).min(last);
    sorted.get(at).copied()
}

/// How many kinds of clients are told apart.
const SORTS: usize = 12;

/// Bytes with a unit.
#[must_use]
pub fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{} B", text::count(n)),
        10_000..10_000_000 => format!("{} KB", text::count(n / 1_000)),
        _ => format!("{} MB", text::count(n / 1_000_000)),
    }
}

fn millis(took: Duration) -> String {
    format!("{} ms", took.as_millis().max(1))
}

/// This client: its connection, its round trips, what it painted.
#[must_use]
pub fn client(world: &World) -> Vec<Line> {
    let stats = &world.stats;
    let (link, token) = match &world.link {
        Link::Live => {
            let since =
                stats.up_since.map_or_else(String::new, |at| format!(" for {}", text::age(at, world.now)));
            (format!("feed open{since}"), Token::Live)
        }
        Link::Connecting { attempt } => (format!("connecting, attempt {}", (*attempt).max(1)), Token::Stale),
        Link::Down { since, reason, .. } => {
            (format!("feed lost {} ago: {reason}", text::age(*since, world.now)), Token::Stale)
        }
        Link::Shut(reason) => (format!("not allowed: {reason}"), Token::Bad),
    };
    let trips = match (percentile(&stats.trips, 50), percentile(&stats.trips, 99)) {
        (Some(half), Some(most)) => format!("rtt p50 {} p99 {}", millis(half), millis(most)),
        _ => "rtt not measured yet".to_owned(),
    };
    let last = stats.last_message.map_or_else(
        || "no message yet".to_owned(),
        |at| format!("last message {} ago", text::age(at, world.now)),
    );
    vec![
        ("THIS CLIENT", format!("{link}   {trips}   losses {}", stats.losses), token),
        (
            "",
            format!(
                "{last}   messages {}   frames {}, {}",
                text::count(stats.messages),
                text::count(stats.frames),
                bytes(stats.bytes)
            ),
            Token::Plain,
        ),
        (
            "",
            format!(
                "{} flags in {} environments   at {}",
                text::count(world.cache.flags.len() as u64),
                world.cache.environments.len(),
                if world.server.is_empty() { "nowhere" } else { &world.server }
            ),
            Token::Dim,
        ),
    ]
}

/// The daemons on the database, this one first.
#[must_use]
pub fn daemons(world: &World, status: &Json) -> Vec<Line> {
    let all = status.get("daemons").and_then(Json::as_array).unwrap_or_default();
    let mut lines = Vec::new();
    let heading = format!("{:<14} {:<8} {:>7} {:>4} {:>7}  UP", "NAME", "VERSION", "REV", "LAG", "CLIENTS");
    lines.push(("DAEMONS", heading, Token::Heading));
    for daemon in all {
        let of = |name: &str| word(daemon.get(name)).unwrap_or_default();
        let up = instant(daemon.get("startedAt")).map_or_else(String::new, |at| text::age(at, world.now));
        let lag = number(daemon.get("lag"));
        let own = if truth(daemon.get("own")) { "  here" } else { "" };
        let line = format!(
            "{} {} {:>7} {:>4} {:>7}  {up}{own}",
            text::pad(&of("name"), 14),
            text::pad(&of("version"), 8),
            number(daemon.get("revision")),
            lag,
            number(daemon.get("clients"))
        );
        lines.push(("", line, if lag > 0 { Token::Warn } else { Token::Plain }));
    }
    for (name, said) in [
        ("stale", "the database did not answer the last time: what is served may be old"),
        ("regressed", "the database is older than what was served: writes are frozen"),
        ("draining", "this daemon is stopping"),
    ] {
        if truth(status.get(name)) {
            lines.push(("", said.to_owned(), Token::Bad));
        }
    }
    lines
}

/// PostgreSQL: whether it answers, and how much of it is used.
#[must_use]
pub fn database(status: &Json) -> Vec<Line> {
    let pool = status.get("pool");
    let of = |name: &str| number(pool.and_then(|pool| pool.get(name)));
    let answers = truth(pool.and_then(|pool| pool.get("answers")));
    let database = status.get("database").filter(|database| **database != Json::Null);
    let mut said = if answers { "answers".to_owned() } else { "does NOT answer".to_owned() };
    if let Some(database) = database {
        let latency = database.get("latencyMs").and_then(Json::as_f64).unwrap_or_default();
        said.push_str(&format!(" in {latency:.0} ms"));
    }
    said.push_str(&format!("   pool {} in use, {} open of {}", of("inUse"), of("size"), of("max")));
    let mut lines = vec![("POSTGRES", said, if answers { Token::Plain } else { Token::Bad })];
    if let Some(database) = database {
        let version = word(database.get("version")).unwrap_or_default();
        let version = version.split(' ').next().unwrap_or_default();
        let follows = if truth(database.get("inRecovery")) { "   only follows another server" } else { "" };
        let said = format!(
            "version {version}   {} large   {} connections{follows}",
            bytes(number(database.get("sizeBytes"))),
            number(database.get("connections"))
        );
        lines.push(("", said, Token::Dim));
    }
    lines
}

/// The clients by environment and by protocol, and who is behind.
#[must_use]
pub fn clients(status: &Json) -> Vec<Line> {
    let Some(clients) = status.get("clients") else { return Vec::new() };
    let row = |name: &str, counts: &Counts| {
        format!(
            "{} {:>7} {:>8} {:>8} {:>8}",
            text::pad(name, 24),
            text::count(counts.connected),
            text::count(counts.current),
            text::count(counts.behind),
            text::count(counts.connected.saturating_sub(counts.acknowledging))
        )
    };
    let heading =
        format!("{:<24} {:>7} {:>8} {:>8} {:>8}", "ENVIRONMENT", "TOTAL", "ON HEAD", "BEHIND", "NO ACK");
    let mut lines = vec![("CLIENTS", heading, Token::Heading)];
    for (place, counts) in fleet::by_environment(status) {
        let name = place.strip_prefix("default/").unwrap_or(&place);
        lines.push(("", row(name, &counts), if counts.behind > 0 { Token::Warn } else { Token::Plain }));
    }
    let all = clients.get("everywhere").map(Counts::read).unwrap_or_else(|| Counts::read(clients));
    lines.push(("", row("all", &all), Token::Strong));
    let protocols: Vec<String> = clients
        .get("byProtocol")
        .and_then(Json::as_object)
        .unwrap_or_default()
        .iter()
        .map(|(name, n)| format!("{} {}", fleet::protocol(name), text::count(number(Some(n)))))
        .collect();
    if !protocols.is_empty() {
        lines.push(("", format!("here by protocol: {}", protocols.join(", ")), Token::Dim));
    }
    lines.extend(sorts(clients.get("list").and_then(Json::as_array).unwrap_or_default()));
    let behind = clients.get("behind").and_then(Json::as_array).unwrap_or_default();
    for (n, client) in behind.iter().enumerate() {
        let of = |name: &str| word(client.get(name)).filter(|text| !text.is_empty());
        let who = of("name").or_else(|| of("principal")).or_else(|| of("address"));
        let applied = client.get("applied").and_then(Json::as_i64);
        let at = applied.map_or_else(|| "nothing applied".to_owned(), |n| format!("rev {n}"));
        let said = format!(
            "{}  {at}  {} s  {} at {}",
            who.unwrap_or_else(|| "somebody".to_owned()),
            number(client.get("seconds")),
            fleet::protocol(&of("protocol").unwrap_or_default()),
            of("daemon").unwrap_or_default()
        );
        lines.push((if n == 0 { "BEHIND" } else { "" }, said, Token::Warn));
    }
    lines
}

/// The clients of this daemon by what they speak and are, the most first.
fn sorts(list: &[Json]) -> Vec<Line> {
    let mut sorts: Vec<_> = fleet::by_sort(list).into_iter().collect();
    sorts.sort_by_key(|(_, counts)| std::cmp::Reverse((counts.behind, counts.connected)));
    if sorts.is_empty() {
        return Vec::new();
    }
    let heading = format!("{:<10} {:<24} {:<10} {:>7} {:>8}", "SPEAKS", "NAME", "VERSION", "TOTAL", "BEHIND");
    let mut lines = vec![("BY KIND", heading, Token::Heading)];
    let more = sorts.len().saturating_sub(SORTS);
    for (sort, counts) in sorts.into_iter().take(SORTS) {
        let behind = match (counts.acknowledging, counts.behind) {
            (0, _) => "no ack".to_owned(),
            (_, behind) => text::count(behind),
        };
        let line = format!(
            "{} {} {} {:>7} {behind:>8}",
            text::pad(fleet::protocol(&sort.protocol), 10),
            text::pad(&sort.name, 24),
            text::pad(&sort.version, 10),
            text::count(counts.connected)
        );
        lines.push(("", line, if counts.behind > 0 { Token::Warn } else { Token::Plain }));
    }
    if more > 0 {
        lines.push(("", format!("and {more} other kinds"), Token::Dim));
    }
    lines
}

/// What cannot be served as it stands.
#[must_use]
pub fn trouble(status: &Json) -> Vec<Line> {
    let Some(degraded) = status.get("degraded") else { return Vec::new() };
    let count = number(degraded.get("count"));
    if count == 0 {
        return Vec::new();
    }
    let mut lines = vec![("TROUBLE", format!("{count} things cannot be served as they stand"), Token::Bad)];
    for item in degraded.get("items").and_then(Json::as_array).unwrap_or_default() {
        let of = |name: &str| word(item.get(name)).unwrap_or_default();
        lines.push(("", format!("{}: {}", of("what"), of("detail")), Token::Bad));
    }
    lines
}

/// Lines as a report in Markdown.
#[must_use]
pub fn report(title: &str, lines: &[Line]) -> String {
    let mut out = format!("# {title}\n");
    for (label, said, _) in lines {
        if !label.is_empty() {
            out.push_str(&format!("\n## {}\n\n", label.to_lowercase()));
        }
        out.push_str(&format!("    {}\n", text::shown(said)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentiles_are_of_the_trips_in_order() {
        let trips: VecDeque<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&trips, 50), Some(Duration::from_millis(50)));
        assert_eq!(percentile(&trips, 99), Some(Duration::from_millis(99)));
        assert_eq!(percentile(&VecDeque::new(), 50), None);
        assert_eq!(
            percentile(&VecDeque::from([Duration::from_millis(3)]), 99),
            Some(Duration::from_millis(3))
        );
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!([bytes(999), bytes(41_300), bytes(9_157_991_000)], ["999 B", "41 KB", "9,157 MB"]);
    }
}

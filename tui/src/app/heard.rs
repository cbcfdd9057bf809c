//! What the feed tells.

use super::App;
use crate::effect::Effect;
use crate::request::FeedEvent;
use crate::screens::{Event, Tone};
use crate::world::Link;

/// How many round trips are kept.
const TRIPS: usize = 100;

impl App {
    /// The feed says something.
    pub(crate) fn heard(&mut self, event: FeedEvent) -> Vec<Effect> {
        let now = self.world.now;
        match event {
            FeedEvent::Connecting(attempt) => {
                if matches!(self.world.link, Link::Connecting { .. }) {
                    self.world.link = Link::Connecting { attempt };
                }
                Vec::new()
            }
            FeedEvent::Up => {
                let again = matches!(self.world.link, Link::Down { .. });
                self.world.link = Link::Live;
                self.world.stats.up_since = Some(now);
                let mut effects = self.resolve_all();
                if again {
                    self.world.guard.close();
                    self.toast(Tone::Info, "connected again".to_owned());
                }
                // The first reading failed, or was cut off in the middle.
                if !self.world.cache.loaded && !self.loading {
                    effects.extend(self.reload());
                }
                effects.extend(self.tell_all(&Event::Resynced));
                effects
            }
            FeedEvent::Message(message) => {
                self.world.stats.messages += 1;
                self.world.stats.last_message = Some(now);
                if message.get("type").and_then(shared::json::Json::as_str) == Some("error") {
                    return self.feed_error(&message);
                }
                let heard = self.world.cache.hear(&message);
                self.world.settle_pending();
                if heard.reload {
                    return self.reload();
                }
                if !heard.changed {
                    return Vec::new();
                }
                self.tell_all(&Event::Heard(&heard))
            }
            FeedEvent::RoundTrip(took) => {
                let trips = &mut self.world.stats.trips;
                if trips.len() == TRIPS {
                    trips.pop_front();
                }
                trips.push_back(took);
                Vec::new()
            }
            FeedEvent::Down { reason, retry_in } => {
                let since = match &self.world.link {
                    Link::Down { since, .. } => *since,
                    _ => {
                        self.world.stats.losses += 1;
                        now
                    }
                };
                self.world.guard.close();
                self.world.stats.up_since = None;
                self.world.link = Link::Down { since, retry_at: now + retry_in, reason };
                Vec::new()
            }
            FeedEvent::Shut(reason) => {
                self.world.guard.close();
                self.world.link = Link::Shut(reason);
                Vec::new()
            }
        }
    }

    /// A topic was refused: without the right to read the audit, the environments are heard alone.
    fn feed_error(&mut self, message: &shared::json::Json) -> Vec<Effect> {
        let detail =
            message.get("problem").and_then(|p| p.get("detail")).and_then(shared::json::Json::as_str);
        let said = detail.unwrap_or("the daemon refused what the feed asked for").to_owned();
        let forbidden = message
            .get("problem")
            .and_then(|p| p.get("type"))
            .and_then(shared::json::Json::as_str)
            .is_some_and(|kind| kind.ends_with("forbidden"));
        self.toast(Tone::Warn, said);
        if forbidden {
            let environments = self
                .world
                .cache
                .environments
                .iter()
                .filter(|e| e.role != "none")
                .map(|e| format!("environment:{}", e.key));
            let topics: Vec<String> = environments.collect();
            return vec![Effect::Subscribe { topics, since: self.world.cache.position.clone() }];
        }
        Vec::new()
    }
}

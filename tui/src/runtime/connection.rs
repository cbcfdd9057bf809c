//! The connection that effects use: requests by number, one feed, the daemon of another profile.

use super::Post;
use crate::client::feed::FeedHandle;
use crate::client::step::{Outcome, StepEvent, Watch};
use crate::client::{Client, Credential, Target};
use crate::message::{ConnectStep, Message};
use crate::request::{Failure, Request};
use std::collections::HashMap;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

/// Where one feed's events wait for the loop; a slow terminal slows the feed, and the daemon then sends a snapshot.
const WAITING: usize = 256;

/// A connection to one daemon.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    project: String,
    post: Post,
    running: HashMap<u64, AbortHandle>,
    feed: Option<(FeedHandle, CancellationToken)>,
}

impl Connection {
    /// Begins a connection; its steps are told.
    #[must_use]
    pub fn begin(target: Target, credential: Credential, project: String, post: Post) -> Self {
        let client = Client::new(target, credential);
        let (first, steps) = (client.clone(), post.clone());
        tokio::spawn(async move {
            let watch = Watch::by(move |event: StepEvent| {
                let (took, failed) = match event.outcome {
                    Outcome::Begun => (None, None),
                    Outcome::Done(took) => (Some(took), None),
                    Outcome::Failed(took) => (Some(took), Some(event.text.clone())),
                };
                let what = format!("{} {}", event.step.as_str(), event.text);
                let _ = steps.send(Message::Step(ConnectStep { what, took, failed }));
            });
            let _ = first.connect(&watch).await;
        });
        Self { client, project, post, running: HashMap::new(), feed: None }
    }

    /// Sends a request; its answer is posted with the number.
    pub fn send(&mut self, id: u64, mut request: Request) {
        request.path = within(&self.project, request.path);
        let (client, post) = (self.client.clone(), self.post.clone());
        let started = Instant::now();
        let task = tokio::spawn(async move {
            let outcome = client.send(request).await;
            let _ = post.send(Message::Answered { id, outcome, took: started.elapsed() });
        });
        self.running.retain(|_, task| !task.is_finished());
        self.running.insert(id, task.abort_handle());
    }

    /// Gives up on a request.
    pub fn cancel(&mut self, id: u64) {
        if let Some(task) = self.running.remove(&id).filter(|task| !task.is_finished()) {
            task.abort();
            let _ = self.post.send(Message::Answered {
                id,
                outcome: Err(Failure::Cancelled),
                took: std::time::Duration::ZERO,
            });
        }
    }

    /// Sets the topics; opens the feed after `since` when it is not open.
    pub fn subscribe(&mut self, topics: Vec<String>, since: Option<String>) {
        let topics = topics
            .into_iter()
            .map(|topic| match topic.strip_prefix("environment:") {
                Some(key) if !key.contains('/') => format!("environment:{}/{key}", self.project),
                _ => topic,
            })
            .collect();
        if let Some((feed, _)) = &self.feed {
            feed.subscribe(topics);
            return;
        }
        let cancel = CancellationToken::new();
        let (out, mut events) = mpsc::channel(WAITING);
        let feed = self.client.feed(topics, since, out, cancel.clone());
        let post = self.post.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if post.send(Message::Feed(event)).is_err() {
                    break;
                }
            }
        });
        self.feed = Some((feed, cancel));
    }

    /// Tries to connect at once.
    pub fn reconnect(&self) {
        self.client.forget_connections();
        if let Some((feed, _)) = &self.feed {
            feed.reconnect_now();
        }
    }
}

/// What belongs to the whole installation and to no project.
const INSTALLATION: [&str; 8] =
    ["me", "status", "projects", "tokens", "role-bindings", "backups", "ws", "openapi.json"];

/// The path of the same thing in a project; those of the default one are short.
fn within(project: &str, path: String) -> String {
    let Some(rest) = path.strip_prefix("/api/").filter(|_| project != "default") else { return path };
    let noun = rest.split(['/', '?']).next().unwrap_or_default();
    if INSTALLATION.contains(&noun) {
        return path;
    }
    format!("/api/projects/{}/{rest}", crate::request::encoded(project))
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some((_, cancel)) = &self.feed {
            cancel.cancel();
        }
        for task in self.running.values() {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_that_of_the_project_unless_it_belongs_to_the_installation() {
        let in_shop = |path: &str| within("shop", path.to_owned());
        assert_eq!(in_shop("/api/flags/a?limit=1"), "/api/projects/shop/flags/a?limit=1");
        assert_eq!(in_shop("/api/me"), "/api/me");
        assert_eq!(in_shop("/api/status"), "/api/status");
        assert_eq!(in_shop("/health"), "/health");
        assert_eq!(within("default", "/api/flags".to_owned()), "/api/flags");
    }
}

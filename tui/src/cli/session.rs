//! One command's way to its daemon.

use std::time::Duration;

use shared::json::Json;

use super::global::Global;
use super::trouble::{Exit, Trouble};
use crate::client::{Client, Target};
use crate::clock::SystemClock;
use crate::config::{Chosen, ConfigError, Places, Settings, Where, choose, read};
use crate::request::{Answer, Failure, Request, encoded};

/// A variable of the environment; an empty one is none.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What is set on this machine.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where files lie.
    pub places: Places,
    /// What `config.toml` says.
    pub settings: Settings,
}

impl Setup {
    /// Reads it.
    ///
    /// # Errors
    /// The file is wrong.
    pub fn load() -> Result<Self, ConfigError> {
        let places = Places::of_process();
        let settings = read::settings(&places.config_file())?;
        Ok(Self { places, settings })
    }

    /// The daemon that is meant.
    ///
    /// # Errors
    /// There is no such profile, an address is wrong.
    pub fn choose(&self, global: &Global) -> Result<Chosen, ConfigError> {
        let wanted = global.wanted();
        choose::choose(&wanted, &self.settings, &self.places, &variable, &choose::listens)
    }
}

/// One command's way to its daemon.
pub struct Session {
    /// The options of every command.
    pub global: Global,
    /// The daemon that is meant.
    pub chosen: Chosen,
    /// The way there.
    pub client: Client,
    /// Time and ids.
    pub clock: SystemClock,
}

impl Session {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// The configuration is wrong.
    pub fn open(global: &Global) -> Result<Self, Trouble> {
        let chosen = Setup::load()?.choose(global)?;
        let client = Client::new(chosen.target.clone(), chosen.credential.clone());
        Ok(Self { global: global.clone(), chosen, client, clock: SystemClock::new() })
    }

    /// A path of the project: `/flags` becomes `/api/flags` or `/api/projects/shop/flags`.
    #[must_use]
    pub fn path(&self, rest: &str) -> String {
        match self.chosen.project.as_str() {
            "default" => format!("/api{rest}"),
            project => format!("/api/projects/{}{rest}", encoded(project)),
        }
    }

    /// Does a request.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn send(&self, request: Request) -> Result<Answer, Trouble> {
        let request = self.timed(request);
        self.client.send(request).await.map_err(|failure| self.trouble(failure))
    }

    /// The same with the time that the command line allows.
    #[must_use]
    pub fn timed(&self, mut request: Request) -> Request {
        request.timeout = self.global.timeout.unwrap_or(request.timeout);
        request
    }

    /// What a read answers.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn get(&self, path: impl Into<String>) -> Result<Json, Trouble> {
        Ok(self.send(Request::get(path)).await?.body)
    }

    /// All items of a list, page by page; at most so many.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn all(&self, request: Request, most: Option<usize>) -> Result<Vec<Json>, Trouble> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let left = most.map_or(1000, |most| most.saturating_sub(items.len()).clamp(1, 1000));
            let mut page = request.clone().with_query("limit", &left.to_string());
            if let Some(cursor) = &cursor {
                page = page.with_query("cursor", cursor);
            }
            let body = self.send(page).await?.body;
            items.extend(body.get("items").and_then(Json::as_array).unwrap_or_default().iter().cloned());
            cursor = body.get("nextCursor").and_then(Json::as_str).map(ToOwned::to_owned);
            if cursor.is_none() || most.is_some_and(|most| items.len() >= most) {
                return Ok(items);
            }
        }
    }

    /// The environment of a read: what was named, or the default one.
    #[must_use]
    pub fn environment(&self, named: Option<&str>) -> Option<String> {
        named
            .map(ToOwned::to_owned)
            .or_else(|| variable("FLAGSTAFF_ENVIRONMENT"))
            .or_else(|| self.chosen.environment.clone())
    }

    /// The environment of a read that needs one.
    ///
    /// # Errors
    /// None is known.
    pub fn some_environment(&self, named: Option<&str>) -> Result<String, Trouble> {
        self.environment(named).ok_or_else(|| {
            Trouble::usage("which environment?").hint("--env KEY, or environment = \"KEY\" in the profile")
        })
    }

    /// The environment of a write: what was named, or the default one where that is not protected.
    ///
    /// # Errors
    /// None is known, or the default one is protected: that one must be named each time.
    pub async fn environment_to_write(&self, named: Option<&str>) -> Result<String, Trouble> {
        if let Some(named) = named {
            return Ok(named.to_owned());
        }
        let key = self.some_environment(None)?;
        let view = self.get(self.path(&format!("/environments/{}", encoded(&key)))).await?;
        if view.get("protected").and_then(Json::as_bool) == Some(false) {
            return Ok(key);
        }
        Err(Trouble::usage(format!("{key} is protected, so it is never meant without being named"))
            .hint(format!("--env {key}")))
    }

    /// A failure, and where nothing is configured and nothing answers, what to start.
    #[must_use]
    pub fn trouble(&self, failure: Failure) -> Trouble {
        let unreachable = matches!(failure, Failure::Unreachable(_));
        let trouble = Trouble::from(failure);
        if !unreachable || trouble.hint.is_some() {
            return trouble;
        }
        if self.chosen.because == Where::Usual {
            let mut trouble = trouble;
            trouble.message = format!("no daemon answers on this machine ({})", trouble.message);
            return trouble.hint(
                "start one: `flagstaffd serve`, or ./scripts/demo; or name one: --host ADDRESS, --profile NAME",
            );
        }
        let hint = match &self.chosen.target {
            Target::Ssh { .. } => "try `ssh` by itself: it must get in without a question".to_owned(),
            target => format!("is flagstaffd running there? {target}; `flagstaff doctor` looks step by step"),
        };
        trouble.hint(hint)
    }
}

/// How long something that is waited for may take beside the request itself.
pub const LONG: Duration = Duration::from_secs(120);

/// That a command went wrong because the answer is not of the shape that the API promises.
#[must_use]
pub fn shapeless(what: &str) -> Trouble {
    Trouble::new(Exit::Bug, "unreadable", format!("the daemon's answer lacks {what}"))
}

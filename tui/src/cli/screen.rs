//! `flagstaff tui`: hands over to the full screen.

use clap::Args;

use super::global::Global;
use super::session::Setup;
use super::trouble::{Exit, Trouble};
use crate::clock::SystemClock;
use crate::runtime::{RunError, Wish, full_screen};

/// How the full screen starts.
#[derive(Args, Clone, Debug, Default)]
pub struct Screen {
    /// The environment it starts in
    #[arg(short = 'e', long, value_name = "KEY")]
    pub env: Option<String>,
    /// The screen it starts on: flags, feed, environments, segments, health
    #[arg(long, value_name = "NAME")]
    pub screen: Option<String>,
    /// What the flags are filtered by
    #[arg(short = 'f', long, value_name = "QUERY")]
    pub filter: Option<String>,
    /// No writes, whatever the profile says
    #[arg(long)]
    pub read_only: bool,
    /// Fewer bytes: for slow lines
    #[arg(long)]
    pub lite: bool,
    /// One item a line with labels, for screen readers
    #[arg(long)]
    pub a11y: bool,
    /// Choose a profile first
    #[arg(long)]
    pub pick: bool,
}

/// Opens the full screen. It runs a loop of its own, so it is called outside of any other.
///
/// # Errors
/// The configuration is wrong, there is no terminal, no daemon, a theme is wrong.
pub fn run(screen: Screen, global: &Global) -> Result<u8, Trouble> {
    let setup = Setup::load()?;
    let chosen = setup.choose(global)?;
    let wish = Wish {
        environment: screen.env,
        screen: screen.screen,
        filter: screen.filter.unwrap_or_default(),
        read_only: screen.read_only,
        lite: screen.lite,
        a11y: screen.a11y,
        color: global.color.clone(),
        pick: screen.pick,
        farewell: None,
    };
    let full = full_screen::Setup { chosen, settings: setup.settings, places: setup.places, wish };
    full_screen::run(full, &SystemClock::new()).map_err(|error| match &error {
        RunError::NoTerminal(_) | RunError::Theme { .. } => Trouble::usage(error.to_string()),
        RunError::NoDaemon { .. } => Trouble::new(Exit::Unreachable, "unreachable", error.to_string())
            .hint("start one: flagstaffd serve, or ./scripts/demo; another one: flagstaff -H https://HOST"),
        RunError::Terminal(_) => Trouble::new(Exit::Bug, "terminal", error.to_string()),
    })
}

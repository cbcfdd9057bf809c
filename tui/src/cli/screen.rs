//! `flagstaff tui`: hands over to the full screen.

use clap::Args;

use super::global::Global;
use super::session::Setup;
use super::trouble::Trouble;

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

/// Opens the full screen.
///
/// # Errors
/// The configuration is wrong, or there is no terminal.
pub async fn run(screen: Screen, global: &Global) -> Result<(), Trouble> {
    let setup = Setup::load()?;
    let chosen = setup.choose(global)?;
    // The hook of the full screen: `crate::runtime::run(setup, chosen, screen)` goes here.
    let _ = (screen, chosen);
    std::future::ready(Err(Trouble::usage("the full screen is not part of this program yet"))).await
}

//! ROOF: `flagstaffd demo`: everything in one command, on data of its own, for this machine alone.

mod banner;
mod beside;
mod place;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use flagstaffd::app;
use flagstaffd::clock::SystemClock;
use flagstaffd::config::Config;
use flagstaffd::config::readable::Secret;
use flagstaffd::net::listen::Listeners;
use flagstaffd::seed;
use flagstaffd::telemetry;

use super::daemon::{self, Daemon};
use super::{CommandError, session};

/// How the demo is run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Start over: remove what the demo has kept.
    #[arg(long)]
    reset: bool,
    /// Only the daemon, and no terminal beside it.
    #[arg(long)]
    headless: bool,
}

/// Runs the demo until Ctrl-C, which stops everything that it started.
///
/// # Errors
/// Why it did not start.
pub async fn run(mut config: Config, wanted: Arguments) -> Result<ExitCode, CommandError> {
    adjust(&mut config);
    let steps = Steps::new();
    let directory = config.data.directory.clone();
    place::check(&directory)?;
    place::claim(&directory)?;
    let terminal = beside::program(wanted.headless);
    let half = !wanted.reset && place::is_half_filled(&directory, &config.postgres.data);
    if wanted.reset || half {
        // A demo that runs keeps its port, and its data.
        drop(Listeners::open(&config).await?);
        place::reset(&directory, &config.postgres.data)?;
        let why = if half { "the last start was cut short: " } else { "" };
        steps.say(&format!("{why}removed what was kept in {}", directory.display()));
    }
    match &terminal {
        // A line of the log in the middle of the terminal's screen would help nobody.
        Some(_) => telemetry::start_log_in(&config.log, &directory.join(beside::LOG))?,
        None => telemetry::start_log(&config.log)?,
    }
    let opened = daemon::listen(&config).await?;
    let first = !config.postgres.data.join("pgdata").exists();
    steps.say(if first { "making a PostgreSQL of its own" } else { "starting its PostgreSQL" });
    let daemon = Daemon::on(opened, config, Arc::new(SystemClock::new())).await?;
    let filled = tokio::select! {
        filled = fill(&daemon, &steps) => filled,
        () = daemon.going() => Err(CommandError::Stopped),
    };
    if let Err(error) = filled {
        daemon.abandon().await;
        return Err(error);
    }
    place::filled(&directory)?;
    let facts = banner::Facts {
        base: daemon.address().map_or_else(String::new, banner::base),
        socket: daemon.socket(),
        data: directory,
        headless: wanted.headless || terminal.is_some(),
    };
    let show_log = facts.data.join(beside::LOG);
    let (ready, told) = tokio::sync::oneshot::channel();
    let drain = daemon.drain();
    let show = facts.clone();
    let beside = terminal.map(|program| tokio::spawn(screen(program, facts, drain, told)));
    let shown = beside.is_some();
    daemon
        .serve(move |_| {
            steps.say("ready");
            // Behind the terminal's screen the banner waits for its end.
            eprint!("{}", banner::text(&show));
            let _ = ready.send(());
        })
        .await?;
    if let Some(beside) = beside {
        let _ = beside.await;
    }
    if shown {
        eprintln!("demo: the log of this time is {}", show_log.display());
    }
    eprintln!("demo: stopped; the data stay, `--reset` starts over");
    Ok(ExitCode::SUCCESS)
}

/// Gives the screen to the terminal program once the demo is ready; when one of the two ends, so does the other.
async fn screen(
    program: std::path::PathBuf,
    facts: banner::Facts,
    drain: flagstaffd::net::drain::Drain,
    ready: tokio::sync::oneshot::Receiver<()>,
) {
    if ready.await.is_err() {
        return;
    }
    let mut child = match beside::start(&program, facts.socket.as_deref(), &facts.base) {
        Ok(child) => child,
        Err(error) => {
            eprintln!("demo: {} does not start: {error}; the demo goes on without it", program.display());
            return;
        }
    };
    let going = drain.going();
    tokio::select! {
        ended = child.wait() => {
            let well = ended.is_ok_and(|status| status.success());
            if well {
                drain.begin();
            } else {
                eprintln!("demo: the terminal ended by an error; the demo goes on without it until Ctrl-C");
            }
        }
        () = going => beside::end(&mut child).await,
    }
}

/// The demo's own rules, whatever is configured for the real daemon on this machine.
fn adjust(config: &mut Config) {
    config.database.url = Secret::from(String::new());
    config.database.host.clear();
    config.database.name.clear();
    let data = &config.data.directory;
    config.postgres.data = data.join("postgres");
    config.secrets.key_file = data.join("secrets.key");
    config.backup.directory = data.join("backups");
    config.backup.enabled = false;
    config.system_config.environment = "staging".to_owned();
    // There is nobody to spread.
    config.drain.stream_spread = std::time::Duration::ZERO;
    // The banner is what people shall see; RUST_LOG still wins.
    if config.log.level == "info" {
        config.log.level = "warn".to_owned();
    }
}

/// Brings the tables, and on an empty database the example flags.
async fn fill(daemon: &Daemon, steps: &Steps) -> Result<(), CommandError> {
    app::migrate(&daemon.pool, daemon.clock.as_ref()).await?;
    let cx = session::cx(&daemon.pool, &daemon.clock, "cli");
    steps.say("looking for the example flags");
    let seeded = seed::run(&cx).await?;
    steps.say(if seeded { "the example flags were loaded" } else { "the flags of the last time are there" });
    Ok(())
}

/// Progress, with the time since the start.
#[derive(Debug)]
struct Steps(Instant);

impl Steps {
    #[allow(clippy::disallowed_methods, reason = "how long people wait, for people")]
    fn new() -> Self {
        Self(Instant::now())
    }

    fn say(&self, what: &str) {
        eprintln!("demo: {:4.1} s  {what}", self.0.elapsed().as_secs_f64());
    }
}

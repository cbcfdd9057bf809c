//! ROOF: the command line: what it takes, and which room does it.

mod access;
mod ask;
mod audit;
mod change_set;
mod credentials;
mod doctor;
mod draft;
mod entries;
mod environment;
mod environment_change;
mod eval;
mod eval_lines;
mod eval_steps;
mod flag;
mod flag_change;
mod flag_past;
mod flag_shown;
mod follow;
pub mod global;
mod keys;
mod paper;
pub mod plan;
mod profile;
mod raw;
pub mod screen;
mod segment;
pub mod session;
mod sheet;
mod token;
mod transfer;
pub mod trouble;
mod usage;
mod wait;
mod yaml;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use global::Global;
use screen::Screen;
use session::Session;
use trouble::{Exit, Trouble};

/// Feature flags from a terminal.
///
/// Without a command it opens the full screen.
#[derive(Parser, Debug)]
#[command(name = "flagstaff", version, max_term_width = 110, after_help = EXITS)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    screen: Screen,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXITS: &str = "\
Ends with: 0 done; 1 the answer is no; 2 asked wrongly; 3 not found; 4 not signed in or not allowed;
5 somebody was faster; 6 a confirmation or a reason is missing; 7 not reached or no answer in time;
8 done in part; 70 a mistake of ours; 130 and 143 ended by a signal.";

#[derive(Subcommand, Debug)]
#[command(rename_all = "kebab-case")]
enum Command {
    /// Open the full screen
    Tui(Screen),
    /// Keep a token for a profile, once the daemon has taken it
    Login,
    /// Forget the token of a profile
    Logout,
    /// Show who the daemon takes you for
    Whoami,
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Look at everything between the keyboard and the daemon
    Doctor,
    /// Show how the daemon is; ends with 1 where something does not work
    Health,
    #[command(subcommand)]
    Env(environment::Environment),
    #[command(subcommand)]
    Flag(flag::Flag),
    /// Count how often a flag was evaluated, with what outcome, by which step
    Usage(usage::Usage),
    #[command(subcommand)]
    Segment(segment::Segment),
    /// Evaluate flags for a context: what is served, and why
    Eval(eval::Eval),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Token(token::Token),
    /// Undo what a revision did, and keep what came later
    Revert(flag_past::Undo),
    /// Show what the changes of a file would do
    Plan(change_set::Plan),
    /// Make the changes of a file as one revision: all or none
    Apply(change_set::Apply),
    /// Wait until every daemon and client has a revision; ends with 1 where somebody lags
    Wait(wait::Wait),
    /// Write an environment to standard output, as LaunchDarkly writes it
    Export(transfer::Export),
    /// Take an export in, as one revision
    Import(transfer::Import),
    #[command(subcommand)]
    Draft(draft::Draft),
    /// Send any request
    Api(raw::Api),
    /// Show the actions of the full screen with their keys
    Keys(keys::Keys),
    /// Write the completion of a shell
    Completion {
        /// bash, zsh, fish, elvish or powershell
        shell: Shell,
    },
    /// Write manual pages
    Man(paper::Man),
}

/// What the command line takes.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the arguments of the process, and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misread(&error),
    };
    let json = arguments.global.json();
    let person = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let full = match &arguments.command {
        None if person => Some(&arguments.screen),
        Some(Command::Tui(screen)) => Some(screen),
        _ => None,
    };
    if let Some(screen) = full {
        return match screen::run(screen.clone(), &arguments.global) {
            Ok(status) => ExitCode::from(status),
            Err(trouble) => {
                trouble.tell(json);
                trouble.exit.into()
            }
        };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Err(error) => Err(Trouble::new(Exit::Bug, "internal", error.to_string())),
        Ok(runtime) => {
            let done = runtime.block_on(until_signal(run(arguments)));
            // A question that nobody answered still holds its thread.
            runtime.shutdown_background();
            done
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            trouble.tell(json);
            trouble.exit.into()
        }
    }
}

/// What clap says: help and version are answers, the rest is asked wrongly.
fn misread(error: &clap::Error) -> ExitCode {
    let json = std::env::args()
        .any(|a| matches!(a.as_str(), "json" | "jsonl" | "-ojson" | "-ojsonl" | "--output=json"));
    if error.use_stderr() && json {
        let text = error.to_string();
        let mut parts = text.trim().splitn(2, "\n\n");
        let message = parts.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Trouble::usage(message).tell(true);
    } else if error.print().is_err() {
        return Exit::Pipe.into();
    }
    if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
}

/// Does it until it is done or a signal comes; then what it held, such as a tunnel, is dropped.
async fn until_signal(done: impl Future<Output = Result<(), Trouble>>) -> Result<(), Trouble> {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return done.await;
    };
    tokio::select! {
        done = done => done,
        _ = interrupt.recv() => Err(Trouble::new(Exit::Interrupted, "interrupted", "")),
        _ = terminate.recv() => Err(Trouble::new(Exit::Terminated, "terminated", "")),
    }
}

async fn run(arguments: Arguments) -> Result<(), Trouble> {
    let global = arguments.global;
    let Some(command) = arguments.command else {
        eprint!("{}", Arguments::command().render_help());
        return Err(Trouble::new(Exit::Usage, "usage", ""));
    };
    match command {
        Command::Login => access::login(&global).await,
        Command::Logout => access::logout(&global),
        Command::Profile(command) => profile::run(command, &global),
        Command::Doctor => doctor::run(&global).await,
        Command::Draft(command) => draft::run(command, &global),
        Command::Eval(wanted) if wanted.is_offline() => eval::offline(wanted, &global).await,
        Command::Keys(wanted) => keys::run(&wanted, &global),
        Command::Completion { shell } => paper::completion(shell, Arguments::command()),
        Command::Man(wanted) => paper::man(&wanted, Arguments::command()),
        connected => ask_daemon(connected, &Session::open(&global)?).await,
    }
}

async fn ask_daemon(command: Command, session: &Session) -> Result<(), Trouble> {
    match command {
        Command::Whoami => access::whoami(session).await,
        Command::Health => wait::health(session).await,
        Command::Env(command) => environment::run(command, session).await,
        Command::Flag(command) => flag::run(command, session).await,
        Command::Usage(wanted) => usage::run(wanted, session).await,
        Command::Segment(command) => segment::run(command, session).await,
        Command::Eval(wanted) => eval::online(wanted, session).await,
        Command::Audit(command) => audit::run(command, session).await,
        Command::Token(command) => token::run(command, session).await,
        Command::Revert(wanted) => flag_past::undo(wanted, session).await,
        Command::Plan(wanted) => change_set::plan(wanted, session).await,
        Command::Apply(wanted) => change_set::apply(wanted, session).await,
        Command::Wait(wanted) => wait::wait(wanted, session).await,
        Command::Export(wanted) => transfer::export(wanted, session).await,
        Command::Import(wanted) => transfer::import(wanted, session).await,
        Command::Api(wanted) => raw::run(wanted, session).await,
        // Done without a daemon, above.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_the_screen_says_of_the_command_line_can_be_typed() {
        let mut count = 0;
        for action in crate::app::registry::actions().iter().filter(|action| !action.cli.is_empty()) {
            let words = action.cli.split_whitespace().map(|word| match word {
                "PERCENT" => "25",
                "REVISION" => "12",
                "FILE" => "-",
                "ID.." => "alice",
                other => other,
            });
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("{}: {}: {error}", action.id, action.cli);
            }
            count += 1;
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn every_command_says_what_it_does() {
        fn look(command: &clap::Command, path: &str) {
            for below in command.get_subcommands() {
                let path = format!("{path} {}", below.get_name());
                assert!(below.get_about().is_some(), "{path} has no description");
                for argument in below.get_arguments() {
                    assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
                }
                look(below, &path);
            }
        }
        look(&Arguments::command(), "flagstaff");
    }
}

//! The options that every command takes.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};

use crate::config::Wanted;

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// More columns, never cut.
    Wide,
    /// One JSON document with a `schema`.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// YAML of the same.
    Yaml,
    /// RFC 4180, with a header.
    Csv,
    /// Nothing but the names, one a line.
    Name,
}

/// The options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The daemon: https://HOST, http://HOST:PORT, ssh://USER@HOST/SOCKET (user and socket may be left out), unix:/SOCKET
    #[arg(short = 'H', long, global = true, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// A profile of config.toml
    #[arg(short = 'P', long, global = true, value_name = "NAME", conflicts_with = "host")]
    pub profile: Option<String>,
    /// The project
    #[arg(short = 'p', long, global = true, value_name = "KEY")]
    pub project: Option<String>,
    /// Who you are, for a demo (x-user-id)
    #[arg(long, global = true, value_name = "ID")]
    pub user: Option<String>,
    /// How to write the answer
    #[arg(short = 'o', long, global = true, value_enum, env = "FLAGSTAFF_OUTPUT", hide_env_values = true)]
    pub output: Option<Format>,
    /// Only these members or columns: key,environments.staging.enabled
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAMES")]
    pub fields: Vec<String>,
    /// Leave the first line of tables and CSV out
    #[arg(long, global = true)]
    pub no_header: bool,
    /// Never ask; it is no consent
    #[arg(long, global = true)]
    pub no_input: bool,
    /// auto, never, 16, 256 or rgb
    #[arg(long, global = true, value_name = "WHEN", value_parser = ["auto", "never", "16", "256", "rgb"])]
    pub color: Option<String>,
    /// The longest a request may take, such as 5s or 500ms
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<std::time::Duration>,
}

impl Global {
    /// How to write the answer.
    #[must_use]
    pub fn format(&self) -> Format {
        self.output.unwrap_or(Format::Table)
    }

    /// Whether whoever reads errors is a program.
    #[must_use]
    pub fn json(&self) -> bool {
        matches!(self.output, Some(Format::Json | Format::Jsonl))
    }

    /// Whether somebody can be asked: both ends are a terminal, and nobody said not to.
    #[must_use]
    pub fn may_ask(&self) -> bool {
        !self.no_input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Whether standard output may be coloured.
    #[must_use]
    pub fn colored(&self) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let wanted = self.color.as_deref().unwrap_or("auto");
        std::io::stdout().is_terminal()
            && wanted != "never"
            && !set("NO_COLOR")
            && std::env::var("TERM").is_ok_and(|term| term != "dumb")
    }

    /// Which daemon is wanted.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted {
            host: self.host.clone(),
            profile: self.profile.clone(),
            user: self.user.clone(),
            project: self.project.clone(),
        }
    }
}

/// Reads `500ms`, `5s`, `10m`, `2h`, `7d`, or seconds alone.
///
/// # Errors
/// A sentence.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 =
        number.parse().map_err(|_| format!("{text:?} is no time; write 500ms, 5s, 10m, 2h or 7d"))?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("{unit:?} is no unit; write 500ms, 5s, 10m, 2h or 7d")),
    };
    let time = number.checked_mul(milliseconds).ok_or_else(|| format!("{text} is too long"))?;
    Ok(std::time::Duration::from_millis(time))
}

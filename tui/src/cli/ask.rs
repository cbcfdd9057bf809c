//! Questions on a terminal: read on a thread of their own, so that signals end them.

use std::io::{BufRead, Read, Write};

use super::trouble::{Exit, Trouble};

/// Asks for a line.
///
/// # Errors
/// The input ended.
pub async fn line(question: &str) -> Result<String, Trouble> {
    let question = crate::text::shown(question).into_owned();
    let read = tokio::task::spawn_blocking(move || {
        eprint!("{question} ");
        std::io::stderr().flush()?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\n', '\r']).to_owned())
    });
    answered(read.await)
}

/// Asks for a line that nobody shall see.
///
/// # Errors
/// The input ended, or was taken back with Ctrl-C.
pub async fn secret(question: &str) -> Result<String, Trouble> {
    let question = crate::text::shown(question).into_owned();
    let read = tokio::task::spawn_blocking(move || {
        eprint!("{question} ");
        std::io::stderr().flush()?;
        crossterm::terminal::enable_raw_mode()?;
        let line = unseen(&mut std::io::stdin().lock());
        drop(crossterm::terminal::disable_raw_mode());
        eprintln!();
        line
    });
    answered(read.await)
}

/// Reads bytes to the end of the line, as a terminal in raw mode sends them.
fn unseen(from: &mut impl Read) -> std::io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0_u8; 1];
    loop {
        if from.read(&mut byte)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match byte {
            [b'\r' | b'\n'] => break,
            [3 | 4 | 27] => return Err(std::io::ErrorKind::Interrupted.into()),
            [8 | 127] => drop(line.pop()),
            [21] => line.clear(),
            [other] => line.push(other),
        }
    }
    String::from_utf8(line).map_err(|_| std::io::ErrorKind::InvalidData.into())
}

fn answered(read: Result<std::io::Result<String>, tokio::task::JoinError>) -> Result<String, Trouble> {
    match read {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Trouble::new(Exit::Interrupted, "cancelled", "cancelled"))
        }
        Ok(Err(_)) => Err(Trouble::new(Exit::NeedsConfirmation, "no-answer", "nobody answered")),
        Err(error) => Err(Trouble::new(Exit::Bug, "internal", error.to_string())),
    }
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn file(name: &str) -> Result<String, Trouble> {
    if name == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(name).map_err(|error| Trouble::usage(format!("{name}: {error}")))
}

/// JSON out of a file, or of standard input for `-`.
///
/// # Errors
/// It cannot be read, or is not JSON: line and column.
pub fn json_file(name: &str) -> Result<shared::json::Json, Trouble> {
    let text = file(name)?;
    let shown = if name == "-" { "standard input" } else { name };
    json(&text, shown)
}

/// JSON out of a text.
///
/// # Errors
/// It is not JSON: line and column.
pub fn json(text: &str, from: &str) -> Result<shared::json::Json, Trouble> {
    shared::json::parse_within(text, 512).map_err(|error| {
        Trouble::usage(format!("{from} line {}, column {}: {}", error.line, error.column, error.detail))
    })
}

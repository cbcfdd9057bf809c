//! `flagstaff completion` and `flagstaff man`: what is made of the commands' descriptions.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::sheet::say;
use super::trouble::{Exit, Trouble};

/// Which manual pages.
#[derive(Args, Debug)]
pub struct Man {
    /// Write a page for each command into this directory, instead of the first one to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes the completion of a shell to standard output.
///
/// # Errors
/// Nobody reads any more.
pub fn completion(shell: Shell, mut command: Command) -> Result<(), Trouble> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut command, "flagstaff", &mut out);
    say(&String::from_utf8_lossy(&out))
}

/// Writes manual pages.
///
/// # Errors
/// The directory's.
pub fn man(wanted: &Man, mut command: Command) -> Result<(), Trouble> {
    command.build();
    let Some(folder) = &wanted.dir else {
        return say(&String::from_utf8_lossy(&page(&command)?));
    };
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)?;
    say(&format!("the pages are in {}\n", folder.display()))
}

fn page(command: &Command) -> Result<Vec<u8>, Trouble> {
    let mut out = Vec::new();
    let page = clap_mangen::Man::new(command.clone()).manual("Flagstaff");
    page.render(&mut out).map_err(|error| Trouble::new(Exit::Bug, "internal", error.to_string()))?;
    Ok(out)
}

//! The Flagstaff terminal: its arguments, and what they start.

use flagstaff::clock::SystemClock;
use flagstaff::config::{self, Places, Wanted};
use flagstaff::runtime::{Wish, full_screen};

fn main() -> anyhow::Result<()> {
    let places = Places::of_process();
    let settings = config::read::settings(&places.config_file())?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let wanted = Wanted { host: std::env::args().nth(1), user: std::env::args().nth(2), ..Wanted::default() };
    let chosen = config::choose::choose(&wanted, &settings, &places, &variable, &config::choose::listens)?;
    let setup = full_screen::Setup { chosen, settings, places, wish: Wish::default() };
    let status = full_screen::run(setup, &SystemClock::new())?;
    std::process::exit(i32::from(status));
}

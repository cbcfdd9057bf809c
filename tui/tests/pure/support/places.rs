//! Each screen, and the keys that lead to it.

use super::answers;
use super::session::Session;
use flagstaff::world::Settings;

/// A screen with something to see on it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its name, also of its snapshots.
    pub name: &'static str,
    /// The keys; what begins with a quotation mark is typed.
    keys: &'static [&'static str],
}

const fn at(name: &'static str, keys: &'static [&'static str]) -> Place {
    Place { name, keys }
}

/// The flag with a rollout, rules and a prerequisite, in `staging`.
macro_rules! checkout {
    ($($key:literal),*) => { &["l", "/", "\"pay.new-checkout", "enter", $($key),*] };
}

/// All of them.
pub fn all() -> Vec<Place> {
    vec![
        at("flags", &[]),
        at("flags-filter", &["l", "/", "\"tag:checkout on:staging"]),
        at("flags-fault", &["/", "\"on:nowhere"]),
        at("flags-production", &["l", "l", "m", "m", "j"]),
        at("flag-overview", checkout!["enter"]),
        at("flag-rules", checkout!["enter", "2"]),
        at("flag-variations", checkout!["enter", "3"]),
        at("flag-prerequisites", checkout!["enter", "4"]),
        at("flag-history", checkout!["enter", "5"]),
        at("flag-json", checkout!["enter", "6"]),
        at("why-asked", checkout!["w"]),
        at("why", checkout!["w", "\"anna country=US", "enter"]),
        at("why-rule", checkout!["w", "\"anna country=DE", "enter", "j", "enter"]),
        at("why-elsewhere", checkout!["w", "\"anna country=DE", "enter", "2"]),
        at("why-what-if", checkout!["w", "\"anna country=US", "enter", "w", "\"country=FR", "enter"]),
        at("why-contexts", checkout!["w", "\"anna country=US", "enter", "4"]),
        at("rule", checkout!["enter", "2", "a"]),
        at("editor", checkout!["e"]),
        at("rollout", checkout!["r"]),
        at("promote", checkout!["p"]),
        at("new-flag", &["a"]),
        at("history", checkout!["t"]),
        at("history-diff", checkout!["t", "enter"]),
        at("compare", checkout!["d"]),
        at("compare-all", &["l", "g d"]),
        at("audit", &["g a"]),
        at("audit-diff", &["g a", "enter"]),
        at("segments", &["l", "g s"]),
        at("segment-whole", &["l", "g s", "enter"]),
        at("segment-members", &["l", "g s", "a"]),
        at("segment-out", &["l", "g s", "x"]),
        at("new-segment", &["l", "g s", "A"]),
        at("environments", &["g e"]),
        at("environment", &["g e", "a"]),
        at("credentials", &["l", "g e", "c"]),
        at("credentials-new", &["l", "g e", "c", "a"]),
        at("credentials-rotate", &["l", "g e", "c", "r"]),
        at("health", &["g c"]),
        at("health-clients", &["g c", "enter"]),
        at("drafts", &["g w"]),
        at("connect", &["g p"]),
        at("profile", &["g p", "a"]),
        at("log", &["@"]),
        at("undo", &["u"]),
        at("help", &["?"]),
        at("palette", &[":", "\"tog"]),
        at("jump", &["ctrl-p", "\"pay"]),
        at("review-easy", &["!", "D"]),
        at("review-typed", &["l", "l", "!", "/", "\"pay.new-checkout", "enter", "space"]),
    ]
}

impl Place {
    /// The program on that screen.
    pub fn open(self, size: (u16, u16), settings: Settings) -> Session {
        let mut session = Session::live(size, settings, answers::answer);
        for key in self.keys {
            match key.strip_prefix('"') {
                Some(text) => session.types(text),
                None => session.keys(&[key]),
            }
        }
        session
    }
}

//! The program and the daemon: what is shown while one of them is away.

use flagstaff::request::Method;
use shared::json::Json;

use crate::support::daemon::Daemon;
use crate::support::home::{Home, Launch};

/// Turns a flag over in `staging` as the owner.
fn toggle(daemon: &Daemon, flag: &str) -> i64 {
    let body = r#"{"environment":"staging"}"#;
    let answer = daemon.must(Method::Post, &format!("/api/flags/{flag}/toggle"), body);
    answer.get("revision").and_then(Json::as_i64).expect("a revision")
}

#[test]
fn a_daemon_that_dies_is_stale_at_once_and_nothing_is_missing_when_it_is_back() {
    let mut daemon = Daemon::own();
    let home = Home::of("alice", &daemon);
    let mut terminal = home.open();
    terminal.wait_for("dark-mode");
    let revision = toggle(&daemon, "dark-mode");
    terminal.wait_for(&format!("rev {revision}"));
    daemon.kill();
    let view = terminal.wait_until("STALE", |view| view.row(0).contains("STALE since"));
    // What was read stays to be read.
    assert!(view.screen().contents().contains("dark-mode"));
    drop(view);
    terminal.keys("j");
    terminal.keys(" ");
    terminal.wait_for("nothing can be changed until the daemon is back");
    daemon.start_again();
    // Most of these are made before the program is connected again.
    for flag in ["apl", "databases", "dark-mode", "metadata", "databaseResize", "selfServeBetas"] {
        toggle(&daemon, flag);
    }
    let revision = toggle(&daemon, "ipv6Sharing");
    terminal.wait_for("LIVE");
    terminal.wait_for(&format!("rev {revision}"));
    let off = daemon.get("/api/matrix?filter=off%3Astaging&limit=1");
    let off = off.get("total").and_then(Json::as_i64).expect("a number");
    terminal.press(&["/"]);
    terminal.keys("off:staging");
    terminal.wait_for(&format!(" {off} of 59"));
    terminal.press(&["\r"]);
    terminal.send(b"q");
    assert_eq!(terminal.wait_end(), 0);
}

#[test]
fn something_is_on_the_screen_before_a_daemon_says_anything() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let home = Home::leading_to("alice", &url);
    let mut terminal = home.start(&Launch::sized(80, 24));
    terminal.wait_for("CONNECTING");
    terminal.wait_for("reading the flags");
    terminal.send(b"q");
    assert_eq!(terminal.wait_end(), 0);
}

//! What the demo tells people: what it is, whom it trusts, what to try.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the banner tells.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Where it answers: `http://localhost:3001`.
    pub base: String,
    /// The Unix socket, if there is one.
    pub socket: Option<PathBuf>,
    /// Where its data are.
    pub data: PathBuf,
    /// Whether only the daemon was wanted.
    pub headless: bool,
}

/// The address as people type it: `localhost` means 127.0.0.1 and ::1, and both are heard.
pub fn base(address: SocketAddr) -> String {
    if address.ip() == std::net::Ipv4Addr::LOCALHOST {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// What to try, word for word as the founding document has it.
const TRY: &str = r#"
  # every flag of staging, in LaunchDarkly's client format
  curl BASE/api/environments/staging/flags

  # turn one off
  curl -X POST BASE/api/flags/databasePremium/toggle \
    -H "Content-Type: application/json" \
    -H "x-user-id: admin" \
    -H "x-user-email: admin@example.com" \
    -d '{
      "environment": "staging",
      "enabled": false
    }'

  # make a new one
  curl -X POST BASE/api/flags \
    -H "Content-Type: application/json" \
    -H "x-user-id: admin" \
    -d '{
      "key": "myNewFeature",
      "name": "My New Feature",
      "description": "Enables the new feature",
      "type": "boolean",
      "enabled": false,
      "tags": ["feature", "beta"]
    }'

  # who changed what
  curl BASE/api/audit

  # hear every change as it happens (WebSocket: BASEWS/api/ws)
  curl -N BASE/api/stream

  # the whole API, to read and to try: BASE/docs
"#;

/// The banner.
pub fn text(facts: &Facts) -> String {
    let rule = "-".repeat(78);
    let mut text = String::new();
    let _ = writeln!(text, "{rule}");
    let _ = writeln!(text, "Flagstaff demo: listening on {}", facts.base);
    if let Some(socket) = &facts.socket {
        let _ = writeln!(text, "  socket   {}", socket.display());
    }
    let _ = writeln!(text, "  data     {} (--reset starts over)", facts.data.display());
    let _ = writeln!(
        text,
        "  access   this is a demo: it believes the header x-user-id and makes that user an\n           \
         editor; whoever sends none may read. It is heard on this machine only."
    );
    if !facts.headless {
        let _ = writeln!(text, "  terminal run `flagstaff` in another window");
    }
    let websocket = facts.base.replacen("http", "ws", 1);
    text.push_str(&TRY.replace("BASEWS", &websocket).replace("BASE", &facts.base));
    let _ = writeln!(text, "\nCtrl-C stops everything.\n{rule}");
    text
}

//! The bootstrap token: the first owner of an installation that nobody reaches over the socket.

use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::access::{Token, TokenKind};
use shared::api::problem::ProblemKind;
use shared::change::Mutation;
use time::Duration;

use super::commit::{self, Answer, Item};
use super::{Caller, Cx, Refusal, WriteOptions};
use crate::clock::Clock;
use crate::credential;
use crate::store::StoreError;
use crate::store::gate::Gate;

/// How long it can be used.
const LIFE: Duration = Duration::hours(24);
/// Where the token is written, below the data directory.
pub fn file(data: &Path) -> PathBuf {
    data.join("bootstrap.token")
}

/// Makes the token where nobody has a role (`bound` says whether) or a token yet. Of several daemons that start at once, one
/// makes it.
///
/// # Errors
/// The database's, or the file's as [`Refusal::Plain`].
pub async fn prepare(
    gate: &Arc<Gate>,
    clock: &Arc<dyn Clock>,
    bound: bool,
    tokens: impl Iterator<Item = &Token> + Send,
    data: &Path,
) -> Result<bool, Refusal> {
    let now = clock.now();
    let (old, others): (Vec<&Token>, Vec<&Token>) =
        tokens.partition(|t| t.kind == TokenKind::Bootstrap && !t.revoked);
    let over = |token: &&Token| token.expires_at.is_some_and(|end| end <= now);
    if bound || !others.is_empty() || !old.iter().all(over) {
        return Ok(false);
    }
    let secret = credential::token(TokenKind::Bootstrap);
    let token = Token {
        id: clock.uuid(),
        kind: TokenKind::Bootstrap,
        name: "bootstrap".to_owned(),
        principal: "bootstrap".to_owned(),
        hash: credential::hash(&secret),
        prefix: secret.chars().take(8).collect(),
        last_four: credential::last_four(&secret),
        role: None,
        expires_at: Some(now + LIFE),
        revoked: false,
    };
    let failed = |e: std::io::Error| {
        Refusal::Plain(ProblemKind::Internal, format!("{} cannot be written: {e}", file(data).display()))
    };
    let draft = file(data).with_extension(format!("token-{}", token.id));
    write(&draft, &secret).map_err(failed)?;
    let made = insert(gate, clock, &old, token).await;
    if !matches!(made, Ok(true)) {
        let _ = std::fs::remove_file(&draft);
        return made;
    }
    std::fs::rename(&draft, file(data)).map_err(failed)?;
    tracing::warn!(file = %file(data).display(), "nobody has a role yet: a bootstrap token was made, for 24 hours and one use");
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _ = writeln!(terminal, "bootstrap token (24 hours, one use): {secret}");
    }
    Ok(true)
}

fn write(path: &Path, secret: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

async fn insert(
    gate: &Arc<Gate>,
    clock: &Arc<dyn Clock>,
    old: &[&Token],
    token: Token,
) -> Result<bool, Refusal> {
    let cx = Cx {
        gate: Arc::clone(gate),
        clock: Arc::clone(clock),
        caller: Caller::command_line("flagstaffd"),
        source: "cli",
        request_id: None,
    };
    let mut items: Vec<Item> = old.iter().map(|t| Item::whole(Mutation::RevokeToken(t.id))).collect();
    items.push(Item::whole(Mutation::PutToken(Box::new(token))));
    let render = |_: &commit::Done| Answer {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
        revision: None,
        replayed: false,
    };
    match commit::run(&cx, &WriteOptions::default(), &items, &render).await {
        Ok(_) => Ok(true),
        // Another daemon was faster: the database holds one.
        Err(Refusal::Store(StoreError::Taken(_))) => Ok(false),
        Err(other) => Err(other),
    }
}

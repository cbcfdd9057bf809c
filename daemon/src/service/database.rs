//! How the database is, for people.

use std::time::Duration;

use super::Cx;
use crate::store::database::{Facts, facts as ask};

/// How long it may take to say so.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the database says of itself and how long it took to; `None` where it does not answer in time.
pub async fn facts(cx: &Cx) -> Option<(Facts, Duration)> {
    let began = cx.clock.monotonic();
    let asked = async {
        let mut conn = cx.gate.read().await.ok()?;
        ask(&mut conn).await.ok()
    };
    let facts = tokio::time::timeout(PATIENCE, asked).await.ok()??;
    Some((facts, cx.clock.monotonic().saturating_sub(began)))
}

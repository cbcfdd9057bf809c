//! Keeps the catalog on disk: at most once a second, and never more than a tenth of the time.

use std::sync::Arc;
use std::time::Duration;

use shared::revision::Position;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Live;
use super::disk::Disk;

/// Between two files at least this long.
const PAUSE: Duration = Duration::from_secs(1);
/// After a file, so many times as long as it took.
const REST: u32 = 9;

/// How often to ask whether a catalog that was written without a seal can have one.
const UNSEALED: Duration = Duration::from_secs(2);

/// The position of what is on disk, and whether it is sealed with a key.
type Kept = Option<(Position, bool)>;

/// Writes the catalog after it moved, until told to stop; then once more. What was read from the disk and
/// not yet confirmed by the database is not written again.
pub async fn keep(live: Arc<Live>, disk: Disk, stop: CancellationToken) {
    let mut moves = live.feed().watch();
    let mut kept: Kept = None;
    let mut failing = false;
    loop {
        let stopping = tokio::select! {
            () = stop.cancelled() => true,
            moved = moves.changed() => moved.is_err(),
            () = tokio::time::sleep(UNSEALED), if kept.is_some_and(|(_, sealed)| !sealed) => false,
        };
        let start = Instant::now();
        kept = save(&live, &disk, kept, &mut failing).await;
        if stopping {
            return;
        }
        let pause = PAUSE.max(start.elapsed() * REST);
        tokio::select! {
            // The next round notices.
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn save(live: &Live, disk: &Disk, kept: Kept, failing: &mut bool) -> Kept {
    let catalog = live.catalog();
    let Some(installation) = live.installation().filter(|_| live.ready()) else { return kept };
    let now = (catalog.position, disk.sealed());
    if kept == Some(now) || live.provisional() {
        return kept;
    }
    let disk = disk.clone();
    let saved = tokio::task::spawn_blocking(move || disk.save(&catalog, installation)).await;
    match saved {
        Ok(Ok(())) => {
            *failing = false;
            Some(now)
        }
        Ok(Err(error)) => {
            metrics::counter!("flagstaff_catalog_save_failures_total").increment(1);
            if !std::mem::replace(failing, true) {
                tracing::error!(%error, "the catalog cannot be kept on disk; a start without the database would fail");
            }
            kept
        }
        Err(_) => kept,
    }
}

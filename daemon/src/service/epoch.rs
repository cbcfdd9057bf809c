//! What a new epoch is made of: its position, and the versions that must not fall.

use shared::change::Entity;
use shared::revision::{Epoch, Position};

use super::Refusal;
use super::draft::Draft;
use crate::store;

/// The position after `head`; with `seen`, the first one of an epoch that nobody has seen.
pub fn next(head: Position, seen: Option<Position>) -> Position {
    let epoch = match seen {
        // A head that was lost may itself have stood in a later epoch.
        Some(seen) => Epoch(head.epoch.max(seen.epoch).0 + 1),
        None => head.epoch,
    };
    Position { epoch, revision: head.revision.next() }
}

/// How many revisions were seen that the database no longer has.
pub fn lost(head: Position, seen: Position) -> i64 {
    (seen.revision.0 - head.revision.0).max(0)
}

/// Raises every environment's version base by what was lost, so that no version a client has seen comes again for
/// something else.
///
/// # Errors
/// The database's.
pub async fn raise_bases(draft: &mut Draft<'_>, lost: i64) -> Result<(), Refusal> {
    if lost == 0 {
        return Ok(());
    }
    for row in store::projects::all_environments(draft.conn).await? {
        let mut environment = match row {
            Ok(stored) => stored.row,
            // It serves nothing, so there is nothing to keep from falling.
            Err(error) => {
                tracing::warn!(%error, "an environment is left out of the new epoch");
                continue;
            }
        };
        environment.version_base += lost;
        draft.put(Entity::Environment(environment), "").await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_change_stays_in_its_epoch() {
        assert_eq!(next(Position::new(2, 41), None), Position::new(2, 42));
    }

    #[test]
    fn a_new_epoch_is_later_than_every_one_that_was_seen() {
        assert_eq!(next(Position::new(1, 30), Some(Position::new(1, 60))), Position::new(2, 31));
        assert_eq!(next(Position::new(1, 30), Some(Position::new(4, 60))), Position::new(5, 31));
        assert_eq!(next(Position::new(3, 30), Some(Position::new(1, 10))), Position::new(4, 31));
    }

    #[test]
    fn nothing_is_lost_where_nothing_newer_was_seen() {
        assert_eq!(lost(Position::new(1, 30), Position::new(1, 60)), 30);
        assert_eq!(lost(Position::new(1, 30), Position::new(1, 12)), 0);
    }
}

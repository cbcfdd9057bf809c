//! What is served, as the items and documents that the protocols encode.

use crate::live::serving::{Item as Told, ServedEnvironment, Step};
use crate::protocol::items::{self, Item, Kind};
use crate::protocol::launchdarkly::Documents;

/// The documents of an environment: what is archived is not there.
pub fn documents(served: &ServedEnvironment) -> Documents<'_> {
    let state = &served.state;
    let lives = state.segments.iter().filter(|(_, segment)| !segment.stored.row.archived);
    Documents {
        flags: state.configs.iter().map(|(key, config)| (key.as_str(), &config.document)).collect(),
        segments: lives.map(|(key, segment)| (key.as_str(), &segment.document)).collect(),
    }
}

/// What a step tells of, in the order in which clients take it.
pub fn items(step: &Step) -> Vec<Item<'_>> {
    let flags = step.flags.iter().map(|(key, item)| match item {
        Told::Put(served) => Item::put(Kind::Flag, key.as_str(), &served.document),
        Told::Gone { version } => Item::gone(Kind::Flag, key.as_str(), *version),
    });
    let segments = step.segments.iter().map(|(key, item)| match item {
        Told::Put(served) => Item::put(Kind::Segment, key.as_str(), &served.document),
        Told::Gone { version } => Item::gone(Kind::Segment, key.as_str(), *version),
    });
    items::sorted(segments.chain(flags).collect())
}

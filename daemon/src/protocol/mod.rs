//! GROUND: other people's wire formats, pure: bytes in, types out, and back.
//!
//! Nothing here waits, listens or looks at a catalog; the doors in `http` do.

pub mod eval_objects;
pub mod evalx;
pub mod events;
pub mod items;
pub mod launchdarkly;
pub mod lenient;
pub mod objects;
pub mod ofrep;
pub mod recovery;
pub mod socketio;
pub mod unleash;

//! GROUND of what SDKs of others connect to: who asks, and how a refusal looks to them.
//!
//! `asked` (credential to environment) and `refused` (an error as SDKs read it) are what the protocols stand on;
//! `routes` mounts them. Each protocol has files of its own, and none imports another's.

pub mod asked;
pub mod client;
pub mod events;
pub mod fdv2;
pub mod ofrep;
pub mod refused;
pub mod routes;
pub mod server;
pub mod stream;
pub mod unleash;

//! GROUND of what SDKs of others connect to: who asks, and how a refusal looks to them.
//!
//! `asked` (credential to environment), `refused` (an error as SDKs read it), `stream`, `poll`,
//! `etag` (what a client has), `remote` and `reported` (evaluation here) and `cors` are what the
//! protocols stand on; `routes` mounts them. Each protocol has files of its own, and none imports another's.

pub mod asked;
pub mod client;
pub mod client_asked;
pub mod client_objects;
pub mod client_stream;
pub mod cors;
pub mod counted;
pub mod documents;
pub mod etag;
pub mod events;
pub mod events_body;
pub mod fdv2;
pub mod ofrep;
pub mod ofrep_stream;
pub mod poll;
pub mod refused;
pub mod remote;
pub mod reported;
pub mod routes;
pub mod server;
pub mod stream;
pub mod unleash;

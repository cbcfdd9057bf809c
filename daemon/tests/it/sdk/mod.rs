//! What SDKs of others connect to.

mod certain;
mod crowd;
mod ending;
mod fdv2;
mod server;
mod streams;

//! What SDKs of others connect to.

mod fdv2;
mod server;
mod streams;

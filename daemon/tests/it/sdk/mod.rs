//! ROOF: what SDKs of others connect to, a module a protocol.

mod client;
mod streams;

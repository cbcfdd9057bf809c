//! ROOF: what SDKs of others connect to, a module a protocol.

mod client;
mod fdv2;
mod furnished;
mod ofrep;
mod server;
mod streams;
mod unleash;

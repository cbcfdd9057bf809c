//! ROOF: what SDKs of others connect to, a module a protocol.

mod client;
mod fdv2;
mod server;
mod furnished;
mod ofrep;
mod streams;
mod unleash;

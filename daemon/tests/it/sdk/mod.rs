//! ROOF: what SDKs of others connect to, a module a protocol.

mod certain;
mod client;
mod crowd;
mod ending;
mod fdv2;
mod furnished;
mod ofrep;
mod server;
mod streams;
mod unleash;

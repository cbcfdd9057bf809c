//! ROOF: what SDKs of others connect to, a module a protocol.

mod beginning;
mod certain;
mod client;
mod crowd;
mod ending;
mod environment_id;
mod fdv2;
mod furnished;
mod ofrep;
mod server;
mod slow;
mod streams;
mod unleash;

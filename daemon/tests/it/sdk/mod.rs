//! What SDKs of others connect to.

mod streams;

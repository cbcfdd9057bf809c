//! ROOF over the targets: functions that take any bytes, and panic where a promise is broken.

mod contexts;
mod evaluation;
mod json;
mod query;

use crate::seeds;

/// A function for hostile bytes, and inputs that lead into it.
pub struct Target {
    /// What it and its file in `fuzz_targets` are called.
    pub name: &'static str,
    /// Stands whatever it is given.
    pub run: fn(&[u8]),
    /// Inputs that are nearly right.
    pub seeds: fn() -> Vec<String>,
}

/// Every target.
pub const ALL: [Target; 8] = [
    Target { name: "payloads", run: evaluation::payloads, seeds: seeds::payloads },
    Target { name: "documents", run: evaluation::documents, seeds: seeds::documents },
    Target { name: "contexts", run: contexts::contexts, seeds: seeds::contexts },
    Target { name: "base64_contexts", run: contexts::base64_contexts, seeds: seeds::base64_contexts },
    Target { name: "references", run: contexts::references, seeds: seeds::references },
    Target { name: "queries", run: query::queries, seeds: seeds::queries },
    Target { name: "json", run: json::json, seeds: seeds::json },
    Target { name: "patches", run: json::patches, seeds: seeds::patches },
];

/// Runs the target of this name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = ALL.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target {name}"));
    (target.run)(bytes);
}

/// The texts of an input: what stands between NULs, which no JSON holds.
fn texts<const N: usize>(bytes: &[u8]) -> Option<[&str; N]> {
    let mut parts = std::str::from_utf8(bytes).ok()?.splitn(N, '\0');
    Some(std::array::from_fn(|_| parts.next().unwrap_or_default()))
}

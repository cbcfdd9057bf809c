//! Any text as a flag and as a segment.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("documents"), |bytes: &[u8]| {
    flagstaff_fuzz::run("documents", bytes);
});

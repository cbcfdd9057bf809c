//! Any text as a query over flags.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("queries"), |bytes: &[u8]| {
    flagstaff_fuzz::run("queries", bytes);
});

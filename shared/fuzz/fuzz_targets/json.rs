//! Any text as JSON, and as a pointer into it.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("json"), |bytes: &[u8]| {
    flagstaff_fuzz::run("json", bytes);
});

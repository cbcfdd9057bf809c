//! Any text as a context.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("contexts"), |bytes: &[u8]| {
    flagstaff_fuzz::run("contexts", bytes);
});

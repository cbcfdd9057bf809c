//! Any text as a reference to an attribute.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("references"), |bytes: &[u8]| {
    flagstaff_fuzz::run("references", bytes);
});

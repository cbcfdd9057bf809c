//! Any text as a payload, and as the context it is evaluated for.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("payloads"), |bytes: &[u8]| {
    flagstaff_fuzz::run("payloads", bytes);
});

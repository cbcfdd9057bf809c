//! Any documents as versions and patches of each other.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("patches"), |bytes: &[u8]| {
    flagstaff_fuzz::run("patches", bytes);
});

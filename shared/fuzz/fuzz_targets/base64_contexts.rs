//! Any bytes as a context in the path of an SDK's request, and in its body.
#![no_main]

libfuzzer_sys::fuzz_target!(init: flagstaff_fuzz::write_seeds("base64_contexts"), |bytes: &[u8]| {
    flagstaff_fuzz::run("base64_contexts", bytes);
});

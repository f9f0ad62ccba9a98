//! Makes a request, keys and options from arbitrary bytes, and gives them to a signature scheme: see the harness.

#![no_main]

use libfuzzer_sys::fuzz_target;

// The property in `tests/it/signature/` uses the same harness.
#[path = "../../tests/it/signature/hostile.rs"]
mod hostile;

fuzz_target!(|data: &[u8]| {
    hostile::exercise(data);
});

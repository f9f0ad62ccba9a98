//! Any bytes as a request, keys and options, put to every signature scheme: see the harness.

#![no_main]

use libfuzzer_sys::fuzz_target;

// The same as the property in `tests/it/signature/`.
#[path = "../../tests/it/signature/hostile.rs"]
mod hostile;

fuzz_target!(|data: &[u8]| {
    hostile::exercise(data);
});

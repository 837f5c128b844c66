//! Values that clients of PostgreSQL bind to parameters.

#![no_main]

libfuzzer_sys::fuzz_target!(init: polder_fuzz::postgres_values::prepare(), |sent: &[u8]| polder_fuzz::postgres_values::run(sent));

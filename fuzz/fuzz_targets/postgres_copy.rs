//! Rows that clients of PostgreSQL copy in.

#![no_main]

libfuzzer_sys::fuzz_target!(init: polder_fuzz::postgres_copy::prepare(), |sent: &[u8]| polder_fuzz::postgres_copy::run(sent));

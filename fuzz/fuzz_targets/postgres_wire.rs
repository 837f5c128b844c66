//! What a client of PostgreSQL sends on one connection, from its first byte to its last.

#![no_main]

libfuzzer_sys::fuzz_target!(init: polder_fuzz::postgres_wire::prepare(), |sent: &[u8]| polder_fuzz::postgres_wire::run(sent));

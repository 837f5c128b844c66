//! Texts with statements, as clients of PostgreSQL send them.

#![no_main]

libfuzzer_sys::fuzz_target!(init: polder_fuzz::postgres_sql::prepare(), |sent: &[u8]| polder_fuzz::postgres_sql::run(sent));

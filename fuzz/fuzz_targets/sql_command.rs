//! Statements that change something.

#![no_main]

libfuzzer_sys::fuzz_target!(init: polder_fuzz::sql_command::prepare(), |sent: &[u8]| polder_fuzz::sql_command::run(sent));

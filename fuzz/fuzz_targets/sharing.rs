//! What clients of Delta Sharing ask of a server, and what a server answers to us as a client.

#![no_main]

libfuzzer_sys::fuzz_target!(init: polder_fuzz::sharing::prepare(), |sent: &[u8]| polder_fuzz::sharing::run(sent));

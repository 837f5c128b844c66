//! What clients send may be anything: whatever comes is read or refused, and never more than was said is kept.

mod messages;

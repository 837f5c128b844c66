//! What the lake promises, seen through its public interface and on the disk.

mod concurrency;
mod disk;
mod faults;
mod folders;
mod stores;
mod structure;
mod support;
mod types;
mod upkeep;
mod volumes;
mod writes;

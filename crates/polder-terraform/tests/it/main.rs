//! Exports of small meshes, as files.

mod aws;
mod export;
mod google;

//! Bundles of small meshes, as files.

mod export;

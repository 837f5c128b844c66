//! Layouts and their proofs, of meshes as they are written.

mod capacity;
mod layout;
mod mesh;

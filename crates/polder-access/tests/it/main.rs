//! Who may do what, as tables of cases over small meshes written as text.

mod depth;
mod explain;
mod guardrails;
mod hiding;
mod properties;
mod requests;
mod rights;
mod scene;
mod shares;
mod sight;
mod through;

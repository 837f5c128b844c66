//! The engine from outside: statements in, rows or refusals out.

mod arithmetic;
mod command;
mod conditions;
mod differential;
mod explain;
mod governed;
mod lineage;
mod mesh;
mod metrics;
mod moments;
mod names;
mod parameters;
mod refused;
mod size;
mod stream;

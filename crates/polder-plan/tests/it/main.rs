//! What plans are made of given states, as data in and text out; and what holds of every plan.

mod access;
mod checker;
mod files;
mod made;
mod mesh;
mod pages;
mod personal;
mod properties;
mod tables;
mod world;

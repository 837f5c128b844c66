//! Delta Sharing as recipients meet it: what they are offered, in which form, and that nobody comes to another's.

mod files;
mod forms;
mod lists;
mod provider;
mod received;
mod scene;

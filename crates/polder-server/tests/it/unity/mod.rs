//! Unity Catalog's interface, as its clients use it: requests over the whole router, a real mesh below.

mod credentials;
mod delta;
mod managed;
mod names;
mod objects;
mod permissions;
mod scene;

//! Files of volumes over the whole router: who may do what with them, which paths there are, uploads, and signed addresses.

mod addresses;
mod paths;
mod rights;
mod scene;
mod uploads;

//! The server: polder's REST API, Unity Catalog's, SCIM and sign-on over one router.

//! The wire types of polder's REST API: what a request and an answer hold, and nothing of how they come to be.

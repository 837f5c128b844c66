//! The one HTTP client by which polder calls others: bounded in time and size, and closed to private addresses unless told otherwise.

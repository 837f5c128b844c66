//! The PostgreSQL wire: clients of PostgreSQL ask, and are answered under their own rights.

//! Delta Sharing as data: what is asked, which files answer it, and the lines that say so.

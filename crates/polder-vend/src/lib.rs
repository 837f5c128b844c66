//! Short-lived credentials for a table's files: S3 by AssumeRole, Azure by user-delegation SAS, Google Cloud by downscoped token.

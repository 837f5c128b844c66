//! Files in, batches and refused rows out.

mod bounds;
mod compressed;
mod csv;
mod finding;
mod loading;
mod ndjson;
mod oracle;
mod parquet_files;
mod property;
mod remote;

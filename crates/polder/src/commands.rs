//! The commands, a file each: its arguments, its help, one `run`.

pub(crate) mod access;
pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod connection;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod history;
pub(crate) mod hot;
pub(crate) mod import;
pub(crate) mod infrastructure;
pub(crate) mod init;
mod latest;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod ls;
pub(crate) mod new;
pub(crate) mod optimize;
pub(crate) mod personal;
pub(crate) mod plan;
pub(crate) mod query;
pub(crate) mod role;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod share;
pub(crate) mod token;
pub(crate) mod vacuum;
pub(crate) mod validate;
pub(crate) mod volume;
pub(crate) mod zones;

use chrono::{DateTime, SecondsFormat, Utc};

/// A time as listings show it: to the second, in UTC.
fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

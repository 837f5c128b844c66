//! A session's settings: what `SET` and `SHOW` are about. Few of them do anything here; clients set and read many.

use std::collections::BTreeMap;
use std::time::Duration;

use pgwire::types::format::FormatOptions;

use crate::fault::{self, Fault};

/// The version that clients are told: the one whose catalog and behaviour are shown.
pub(crate) const VERSION: &str = "16.6";
/// The same as a number, for those who compare.
const VERSION_NUMBER: &str = "160006";

/// Settings that clients are told the values of when they connect, and whenever they change.
const REPORTED: [&str; 14] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "scram_iterations",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// Settings that only say how things are.
const FIXED: [(&str, &str); 17] = [
    ("server_version", VERSION),
    ("server_version_num", VERSION_NUMBER),
    ("server_encoding", "UTF8"),
    ("integer_datetimes", "on"),
    ("in_hot_standby", "off"),
    ("is_superuser", "off"),
    ("scram_iterations", "4096"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("max_connections", "500"),
    ("block_size", "8192"),
    ("wal_level", "minimal"),
    ("lc_collate", "C.UTF-8"),
    ("lc_ctype", "C.UTF-8"),
    ("data_checksums", "on"),
    ("ssl", "on"),
    ("transaction_read_only", "off"),
];

/// Settings that may be set, and what they are until then.
const DEFAULTS: [(&str, &str); 61] = [
    ("application_name", ""),
    ("array_nulls", "on"),
    ("backslash_quote", "safe_encoding"),
    ("bytea_output", "hex"),
    ("check_function_bodies", "on"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("commit_delay", "0"),
    ("constraint_exclusion", "partition"),
    ("cursor_tuple_fraction", "0.1"),
    ("DateStyle", "ISO, MDY"),
    ("default_statistics_target", "100"),
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("default_text_search_config", "pg_catalog.english"),
    ("default_transaction_deferrable", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("default_with_oids", "off"),
    ("effective_cache_size", "524288"),
    ("enable_hashjoin", "on"),
    ("enable_mergejoin", "on"),
    ("enable_nestloop", "on"),
    ("enable_seqscan", "on"),
    ("enable_indexscan", "on"),
    ("enable_bitmapscan", "on"),
    ("escape_string_warning", "on"),
    ("extra_float_digits", "1"),
    ("from_collapse_limit", "8"),
    ("geqo", "on"),
    ("gin_fuzzy_search_limit", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("IntervalStyle", "postgres"),
    ("jit", "off"),
    ("join_collapse_limit", "8"),
    ("lc_messages", "C"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("lock_timeout", "0"),
    ("log_statement", "none"),
    ("maintenance_work_mem", "65536"),
    ("max_parallel_workers_per_gather", "2"),
    ("quote_all_identifiers", "off"),
    ("random_page_cost", "4"),
    ("role", "none"),
    ("row_security", "on"),
    ("search_path", "\"$user\", public"),
    ("seq_page_cost", "1"),
    ("session_replication_role", "origin"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("synchronous_commit", "on"),
    ("temp_buffers", "1024"),
    ("TimeZone", "UTC"),
    ("transaction_deferrable", "off"),
    ("transaction_isolation", "read committed"),
    ("transform_null_equals", "off"),
    ("work_mem", "4096"),
    ("xmloption", "content"),
];

/// How many settings of a client's own invention are kept, and how long a value may be.
const MOST_OWN: usize = 200;
const MAX_VALUE_BYTES: usize = 8 << 10;

/// A session's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    user: String,
    /// What they are after `RESET`: the server's, and what the client asked for when it connected.
    initial: BTreeMap<String, String>,
    now: BTreeMap<String, String>,
}

impl Settings {
    /// The settings of a session that begins so.
    pub(crate) fn of_startup(parameters: &[(String, String)], user: &str) -> Result<Self, Fault> {
        let mut settings = Self { user: user.to_owned(), initial: BTreeMap::new(), now: BTreeMap::new() };
        for (name, value) in parameters {
            match name.as_str() {
                "user" | "database" | "replication" => {}
                "options" => {
                    for (name, value) in options(value) {
                        settings.set(&name, &value)?;
                    }
                }
                name if name.starts_with("_pq_.") => {}
                name => {
                    settings.set(name, value)?;
                }
            }
        }
        settings.initial = settings.now.clone();
        Ok(settings)
    }

    /// What clients are told without asking.
    pub(crate) fn reported(&self) -> Vec<(&'static str, &str)> {
        REPORTED.into_iter().map(|name| (name, self.get(name).unwrap_or_default())).collect()
    }

    /// A setting's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        if name == "session_authorization" {
            return Some(&self.user);
        }
        if let Some(value) = self.now.get(&name) {
            return Some(value);
        }
        FIXED.iter().chain(&DEFAULTS).find(|(known, _)| known.eq_ignore_ascii_case(&name)).map(|(_, value)| *value)
    }

    /// Sets one. The name and value that clients are to be told, if they are.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<Option<(&'static str, String)>, Fault> {
        let name = name.to_ascii_lowercase();
        let value = checked(&name, value)?;
        if !name.contains('.') && !DEFAULTS.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            return Err(unknown(&name));
        }
        if self.now.len() >= MOST_OWN + DEFAULTS.len() && !self.now.contains_key(&name) {
            return Err(Fault::new(fault::PROGRAM_LIMIT, "there are too many settings").hint("reset some: `RESET ALL`"));
        }
        self.now.insert(name.clone(), value.clone());
        Ok(reported(&name).map(|name| (name, value)))
    }

    /// Sets one to what it was at first.
    pub(crate) fn reset(&mut self, name: &str) -> Result<Option<(&'static str, String)>, Fault> {
        let name = name.to_ascii_lowercase();
        if self.get(&name).is_none() && !name.contains('.') {
            return Err(unknown(&name));
        }
        match self.initial.get(&name) {
            Some(value) => drop(self.now.insert(name.clone(), value.clone())),
            None => drop(self.now.remove(&name)),
        }
        Ok(reported(&name).map(|name| (name, self.get(name).unwrap_or_default().to_owned())))
    }

    /// Sets all to what they were at first. What clients are to be told.
    pub(crate) fn reset_all(&mut self) -> Vec<(&'static str, String)> {
        let before = std::mem::replace(&mut self.now, self.initial.clone());
        let changed = |name: &&'static str| before.get(&name.to_ascii_lowercase()) != self.now.get(&name.to_ascii_lowercase());
        REPORTED.into_iter().filter(changed).map(|name| (name, self.get(name).unwrap_or_default().to_owned())).collect()
    }

    /// The settings as they are, to come back to.
    pub(crate) fn saved(&self) -> BTreeMap<String, String> {
        self.now.clone()
    }

    /// Comes back to settings as they were.
    pub(crate) fn restore(&mut self, saved: BTreeMap<String, String>) {
        self.now = saved;
    }

    /// All names and values, by name.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let own = self.now.iter().map(|(name, value)| (name.clone(), value.clone()));
        let known = FIXED.iter().chain(&DEFAULTS).filter(|(name, _)| !self.now.contains_key(&name.to_ascii_lowercase()));
        let mut all: Vec<_> = known.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain(own).collect();
        all.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        all
    }

    /// Whether nothing is to be changed.
    pub(crate) fn is_read_only(&self) -> bool {
        ["default_transaction_read_only", "transaction_read_only"]
            .iter()
            .any(|name| self.get(name).is_some_and(|value| value == "on"))
    }

    /// How long a statement may take; `None` for as long as it takes.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        let timeout = self.get("statement_timeout").and_then(duration)?;
        (!timeout.is_zero()).then_some(timeout)
    }

    /// How values are written as text.
    pub(crate) fn format_options(&self) -> FormatOptions {
        let mut options = FormatOptions::default();
        options.date_style = self.get("datestyle").unwrap_or_default().to_owned();
        options.interval_style = self.get("intervalstyle").unwrap_or_default().to_owned();
        options.bytea_output = self.get("bytea_output").unwrap_or_default().to_owned();
        options.extra_float_digits = self.get("extra_float_digits").and_then(|digits| digits.parse().ok()).unwrap_or(1);
        options
    }

    /// The schema in which names without one are looked for, where the session has set one.
    pub(crate) fn schema(&self) -> Option<String> {
        let first = self
            .now
            .get("search_path")?
            .split(',')
            .map(str::trim)
            .map(|name| name.trim_matches('"'))
            .find(|name| !matches!(*name, "" | "$user" | "public" | "pg_catalog" | "information_schema"))?;
        Some(first.to_owned())
    }
}

fn reported(name: &str) -> Option<&'static str> {
    REPORTED.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

fn unknown(name: &str) -> Fault {
    if FIXED.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Fault::new(fault::WRONG_STATE, format!("parameter {name:?} cannot be changed")).hint("leave it as it is");
    }
    Fault::new(fault::NO_SETTING, format!("unrecognized configuration parameter {name:?}"))
        .hint("`SHOW ALL` lists those there are")
}

/// A value as it is kept, where not every value is one.
fn checked(name: &str, value: &str) -> Result<String, Fault> {
    let wrong = |hint: &str| {
        Err(Fault::new(fault::INVALID_PARAMETER_VALUE, format!("invalid value for parameter {name:?}: {value:?}")).hint(hint))
    };
    if value.len() > MAX_VALUE_BYTES || value.contains('\0') {
        return Err(Fault::new(fault::INVALID_PARAMETER_VALUE, format!("the value for parameter {name:?} is too long")));
    }
    let plain = value.trim().trim_matches(['"', '\'']);
    let lower = plain.to_ascii_lowercase();
    match name {
        "client_encoding" => match lower.replace(['-', '_'], "").as_str() {
            // What is no ASCII would be no SQL_ASCII either, and is sent as it is.
            "utf8" | "unicode" | "sqlascii" | "auto" => Ok("UTF8".to_owned()),
            _ => wrong("text is sent as UTF8"),
        },
        "standard_conforming_strings" => match lower.as_str() {
            "on" | "true" | "yes" | "1" => Ok("on".to_owned()),
            _ => wrong("it is on"),
        },
        "datestyle" => date_style(&lower).map_or_else(|| wrong("use ISO, SQL, Postgres or German, and MDY, DMY or YMD"), Ok),
        "intervalstyle" => match lower.as_str() {
            "postgres" | "postgres_verbose" | "sql_standard" | "iso_8601" => Ok(lower),
            _ => wrong("use postgres, postgres_verbose, sql_standard or iso_8601"),
        },
        "bytea_output" => match lower.as_str() {
            "hex" | "escape" => Ok(lower),
            _ => wrong("use hex or escape"),
        },
        "extra_float_digits" => match plain.parse::<i8>() {
            Ok(digits) if (-15..=3).contains(&digits) => Ok(digits.to_string()),
            _ => wrong("use a number from -15 to 3"),
        },
        "statement_timeout" | "lock_timeout" | "idle_in_transaction_session_timeout" | "idle_session_timeout" => {
            match duration(plain) {
                Some(_) => Ok(plain.to_owned()),
                None => wrong("use a number of milliseconds, or one with ms, s, min or h"),
            }
        }
        "default_transaction_read_only" | "transaction_read_only" => match lower.as_str() {
            "on" | "true" | "yes" | "1" => Ok("on".to_owned()),
            "off" | "false" | "no" | "0" => Ok("off".to_owned()),
            _ => wrong("it is on or off"),
        },
        "role" => match lower.as_str() {
            "none" | "default" => Ok("none".to_owned()),
            _ => Err(Fault::new(fault::NOT_ALLOWED, format!("permission denied to set role {plain:?}"))
                .hint("connect as whom you want to be")),
        },
        _ => Ok(value.to_owned()),
    }
}

fn date_style(value: &str) -> Option<String> {
    let (mut style, mut order) = ("ISO", "MDY");
    for word in value.split(',').map(str::trim) {
        match word {
            "iso" => style = "ISO",
            "sql" => style = "SQL",
            "postgres" => style = "Postgres",
            "german" => style = "German",
            "mdy" | "us" | "noneuropean" | "noneuro" => order = "MDY",
            "dmy" | "euro" | "european" => order = "DMY",
            "ymd" => order = "YMD",
            "default" => {}
            _ => return None,
        }
    }
    Some(format!("{style}, {order}"))
}

/// A time, in milliseconds unless it says otherwise.
fn duration(value: &str) -> Option<Duration> {
    let value = value.trim().trim_matches('\'').trim();
    let unit_at = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let milliseconds = match unit.trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let all = (number.parse::<f64>().ok()? * milliseconds).round_ties_even();
    // As PostgreSQL: what has no room in its integer is none.
    (all <= i32::MAX.into()).then(|| Duration::from_secs_f64(all / 1_000.0))
}

/// The settings among what a client would have put on a server's command line: `-c name=value`, `--name=value`.
fn options(text: &str) -> Vec<(String, String)> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.extend(letters.next()),
            letter if letter.is_whitespace() => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    words.push(word);
    let mut found = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--") {
            Some(rest) => Some(rest.replace('-', "_")),
            None if word == "-c" => words.next(),
            None => word.strip_prefix("-c").map(ToOwned::to_owned),
        };
        if let Some((name, value)) = assignment.as_deref().and_then(|text| text.split_once('=')) {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let parameters =
            [("user", "ana"), ("application_name", "psql"), ("options", r"-c statement_timeout=2s --extra-float-digits=3")];
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::of_startup(&parameters, "ana").unwrap()
    }

    #[test]
    fn what_a_client_connects_with_is_what_reset_comes_back_to() {
        let mut settings = settings();
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(2)));
        assert_eq!(settings.set("Statement_Timeout", "100").unwrap(), None);
        assert_eq!(settings.statement_timeout(), Some(Duration::from_millis(100)));
        for (value, milliseconds) in
            [("'4.0s'", 4_000), ("0.5 min", 30_000), (".25s", 250), ("1500us", 2), ("24d", 2_073_600_000)]
        {
            settings.set("statement_timeout", value).unwrap();
            assert_eq!(settings.statement_timeout(), Some(Duration::from_millis(milliseconds)), "{value}");
        }
        settings.set("application_name", "x").unwrap();
        assert_eq!(settings.reset_all(), [("application_name", "psql".to_owned())]);
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(2)));
        assert_eq!(settings.get("session_authorization"), Some("ana"));
        assert_eq!(settings.get("extra_float_digits"), Some("3"));
    }

    #[test]
    fn what_is_no_setting_or_no_value_of_one_is_refused() {
        let mut settings = settings();
        for (name, value) in [
            ("no_such_setting", "1"),
            ("server_version", "1"),
            ("client_encoding", "LATIN1"),
            ("statement_timeout", "soon"),
            ("statement_timeout", "-1s"),
            ("statement_timeout", "1.2.3s"),
            ("statement_timeout", "s"),
            ("statement_timeout", "25d"),
            ("DateStyle", "roman"),
            ("role", "olga"),
            ("standard_conforming_strings", "off"),
        ] {
            assert!(settings.set(name, value).is_err(), "{name}");
        }
        assert_eq!(settings.set("datestyle", "ISO").unwrap(), Some(("DateStyle", "ISO, MDY".to_owned())));
        assert_eq!(settings.set("my.own", "1").unwrap(), None);
        assert_eq!(settings.get("my.own"), Some("1"));
    }

    #[test]
    fn a_search_path_names_the_schema_of_names_without_one() {
        let mut settings = settings();
        assert_eq!(settings.schema(), None);
        settings.set("search_path", "\"finance.bronze\", public").unwrap();
        assert_eq!(settings.schema().as_deref(), Some("finance.bronze"));
        settings.set("search_path", "public").unwrap();
        assert_eq!(settings.schema(), None);
    }
}

//! How often wrong credentials may come from one address.
//!
//! Nobody guesses 256 bits; this keeps a flood of guesses from the database, the issuer and the log. The machine itself is left out:
//! behind a proxy everyone comes from there, and one caller's mistakes would shut all the others out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// How many failures within a minute.
const MOST: u32 = 60;
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// How many addresses are remembered.
const REMEMBERED: usize = 20_000;

/// What failed lately.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failures: Mutex<HashMap<IpAddr, Failures>>,
    recorded: Mutex<HashMap<(Option<IpAddr>, String), Recorded>>,
}

#[derive(Debug, Clone, Copy)]
struct Recorded {
    at: DateTime<Utc>,
    unrecorded: u64,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: DateTime<Utc>,
    count: u32,
}

impl Attempts {
    /// Whether an address has failed too often to be heard now.
    pub(super) fn too_many(&self, from: Option<IpAddr>, now: DateTime<Utc>) -> bool {
        let Some(from) = counted(from) else { return false };
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&from).is_some_and(|failures| now - failures.since < WINDOW && failures.count >= MOST)
    }

    /// How many failures from an address, for one reason, went unrecorded before this one; `None` when this one goes unrecorded too:
    /// one a minute is on record.
    pub(super) fn to_record(&self, from: Option<IpAddr>, why: &str, now: DateTime<Utc>) -> Option<u64> {
        let mut all = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recorded) = all.get_mut(&(from, why.to_owned())) {
            if now - recorded.at < WINDOW {
                recorded.unrecorded += 1;
                return None;
            }
            let unrecorded = recorded.unrecorded;
            *recorded = Recorded { at: now, unrecorded: 0 };
            return Some(unrecorded);
        }
        if all.len() >= REMEMBERED {
            all.retain(|_, recorded| now - recorded.at < WINDOW);
        }
        // More addresses than anyone has who is not at war with us.
        if all.len() >= REMEMBERED {
            return None;
        }
        all.insert((from, why.to_owned()), Recorded { at: now, unrecorded: 0 });
        Some(0)
    }

    /// Counts a failure.
    pub(super) fn failed(&self, from: Option<IpAddr>, now: DateTime<Utc>) {
        let Some(from) = counted(from) else { return };
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, failures| now - failures.since < WINDOW);
        }
        if all.len() >= REMEMBERED && !all.contains_key(&from) {
            return;
        }
        let failures = all.entry(from).or_insert(Failures { since: now, count: 0 });
        if now - failures.since >= WINDOW {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count += 1;
    }
}

/// The address as it is counted: of IPv6 the network, as a caller has all the addresses in it.
fn counted(from: Option<IpAddr>) -> Option<IpAddr> {
    let address = from?.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn an_address_that_fails_too_often_waits_and_others_do_not() {
        let (attempts, bad, good): (_, Option<IpAddr>, _) =
            (Attempts::default(), "192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        for _ in 0..MOST {
            assert!(!attempts.too_many(bad, at(0)));
            attempts.failed(bad, at(0));
        }
        assert!(attempts.too_many(bad, at(59)));
        assert!(!attempts.too_many(good, at(59)) && !attempts.too_many(None, at(59)));
        assert!(!attempts.too_many(bad, at(60)));
        attempts.failed(bad, at(60));
        assert!(!attempts.too_many(bad, at(60)));
    }

    #[test]
    fn one_failure_a_minute_is_on_record_with_how_many_were_not() {
        let (attempts, from): (_, Option<IpAddr>) = (Attempts::default(), "192.0.2.1".parse().ok());
        assert_eq!(attempts.to_record(from, "expired", at(0)), Some(0));
        assert_eq!(attempts.to_record(from, "revoked", at(0)), Some(0));
        assert_eq!(attempts.to_record(None, "expired", at(0)), Some(0));
        assert_eq!(attempts.to_record(from, "expired", at(1)), None);
        assert_eq!(attempts.to_record(from, "expired", at(59)), None);
        assert_eq!(attempts.to_record(from, "expired", at(60)), Some(2));
        assert_eq!(attempts.to_record(from, "expired", at(61)), None);
    }

    #[test]
    fn a_network_of_version_6_is_one_and_the_machine_itself_is_not_counted() {
        let attempts = Attempts::default();
        for host in 0..MOST {
            attempts.failed(format!("2001:db8::{host:x}").parse().ok(), at(0));
            attempts.failed("::1".parse().ok(), at(0));
            attempts.failed("::ffff:127.0.0.1".parse().ok(), at(0));
        }
        assert!(attempts.too_many("2001:db8::ffff".parse().ok(), at(1)));
        assert!(!attempts.too_many("2001:db8:0:1::1".parse().ok(), at(1)));
        assert!(!attempts.too_many("127.0.0.1".parse().ok(), at(1)));
    }
}

//! When something that did not arrive is tried again.

use chrono::{DateTime, TimeDelta, Utc};

/// How long something is tried.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
/// The first wait, in seconds; each is twice the one before.
const FIRST_SECONDS: u32 = 30;
/// The longest wait, in seconds.
const LONGEST_SECONDS: u32 = 3600;

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Try again then.
    TryAt(DateTime<Utc>),
    /// It has been tried long enough.
    GiveUp,
}

/// Decides what to do after an attempt that failed, the first being number 1. `random`, between 0 and 1, spreads attempts that
/// failed together.
#[must_use]
pub fn after_failure(created: DateTime<Utc>, attempt: u32, now: DateTime<Utc>, random: f64) -> After {
    let doubled = FIRST_SECONDS.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    let wait = f64::from(doubled.min(LONGEST_SECONDS)) * (0.5 + 0.5 * random.clamp(0.0, 1.0));
    let at = now + TimeDelta::milliseconds((wait * 1000.0) as i64);
    if at - created > PATIENCE { After::GiveUp } else { After::TryAt(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_spread_and_end_after_a_day() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        for random in [0.0, 0.5, 1.0] {
            let (mut now, mut attempt, mut waits) = (start, 1, Vec::new());
            while let After::TryAt(at) = after_failure(start, attempt, now, random) {
                waits.push((at - now).num_seconds());
                (now, attempt) = (at, attempt + 1);
            }
            assert!(waits.is_sorted(), "{waits:?}");
            assert!(now - start <= PATIENCE && now - start > PATIENCE - TimeDelta::hours(1), "{now}");
            assert!((24..60).contains(&attempt), "{attempt}");
        }
        assert_eq!(after_failure(start, 1, start, 0.0), After::TryAt(start + TimeDelta::seconds(15)));
        assert_eq!(after_failure(start, u32::MAX, start, 1.0), After::TryAt(start + TimeDelta::hours(1)));
    }
}

//! Schedules of five fields as those of Quartz, which Databricks reads.

use std::collections::BTreeSet;

use polder_descriptor::Moments;

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A schedule in Quartz's words, every number written out, as the two differ in what steps and days of the week mean.
///
/// # Errors
/// Why there is none.
pub(crate) fn quartz(text: &str) -> Result<String, &'static str> {
    let moments = Moments::read(text).ok_or("it is none")?;
    let (days, weekdays) = match (&moments.days, &moments.weekdays) {
        (None, None) => ("*".to_owned(), "?".to_owned()),
        (Some(days), None) => (numbers(days, 1, 31), "?".to_owned()),
        (None, Some(weekdays)) => ("?".to_owned(), week(weekdays)),
        (Some(_), Some(_)) => return Err("it names days of the month and of the week, of which Quartz takes one"),
    };
    let (minutes, hours) = (numbers(&moments.minutes, 0, 59), numbers(&moments.hours, 0, 23));
    Ok(format!("0 {minutes} {hours} {days} {} {weekdays}", numbers(&moments.months, 1, 12)))
}

fn numbers(named: &BTreeSet<u32>, least: u32, most: u32) -> String {
    if named.len() as u32 == most - least + 1 {
        return "*".to_owned();
    }
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for number in named {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => parts.push((*number, *number)),
        }
    }
    let part = |(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

/// By name: numbers begin with 0 for Sunday here and with 1 there.
fn week(named: &BTreeSet<u32>) -> String {
    named.iter().map(|day| DAYS[*day as usize % 7]).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use chrono::{DateTime, Datelike as _, Days, TimeZone as _, Timelike as _, Utc};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_written_out() {
        let check = |text: &str, expect: &str| assert_eq!(quartz(text).as_deref(), Ok(expect), "{text}");
        check("0 6 * * *", "0 0 6 * * ?");
        check("*/15 8-18 * * mon-fri", "0 0,15,30,45 8-18 ? * MON,TUE,WED,THU,FRI");
        check("5 0 1,15 */5 *", "0 5 0 1,15 1,6,11 ?");
        check("0 0 * * 5-7", "0 0 0 ? * SUN,FRI,SAT");
        check("0 0 * * 0", "0 0 0 ? * SUN");
        assert!(quartz("0 0 13 * fri").unwrap_err().contains("days of the month and of the week"));
    }

    /// A field of five, in one of the forms that there are.
    fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
        let number = least..=most;
        let step = 1..=most;
        prop_oneof![
            Just("*".to_owned()),
            number.clone().prop_map(|number| number.to_string()),
            step.clone().prop_map(|step| format!("*/{step}")),
            (number.clone(), number.clone(), step).prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
            prop::collection::vec(number, 1..4).prop_map(|all| all.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
        ]
    }

    /// The first moment after one at which a schedule is due, told by trying every minute.
    fn next(text: &str, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let moments = Moments::read(text)?;
        let days = (0..1500).filter_map(|day| after.date_naive().checked_add_days(Days::new(day)));
        for day in days {
            let fits = moments.months.contains(&day.month())
                && moments.days.as_ref().is_none_or(|days| days.contains(&day.day()))
                && moments.weekdays.as_ref().is_none_or(|days| days.contains(&day.weekday().num_days_from_sunday()));
            if !fits {
                continue;
            }
            for (hour, minute) in moments.hours.iter().flat_map(|hour| moments.minutes.iter().map(move |minute| (*hour, *minute)))
            {
                let moment = Utc.from_utc_datetime(&day.and_hms_opt(hour, minute, 0)?);
                if moment > after {
                    return Some(moment);
                }
            }
        }
        None
    }

    proptest! {
        #[test]
        fn both_are_due_at_the_same_moments(
            minute in field(0, 59), hour in field(0, 23), day in field(1, 28), month in field(1, 12), weekday in field(0, 6),
            by_week in any::<bool>(), from in 0i64..2_000_000_000,
        ) {
            let text = if by_week { format!("{minute} {hour} * {month} {weekday}") } else { format!("{minute} {hour} {day} {month} *") };
            let written = quartz(&text).unwrap();
            let schedule = cron::Schedule::from_str(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            let mut at = Utc.timestamp_opt(from, 0).unwrap().with_second(0).unwrap();
            for due in schedule.after(&at).take(4).collect::<Vec<_>>() {
                let ours = next(&text, at);
                prop_assert_eq!(Some(due), ours, "{} as {}", text, written);
                at = due;
            }
        }
    }
}

//! Schedules: whether a text is a cron expression of five fields, and which minutes, hours and days it names. Nothing here says when one is
//! due.

use std::collections::BTreeSet;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// How many days each month has, in the years in which it has most.
const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One of the five fields: what it is called, and its smallest and largest number.
struct Field {
    what: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { what: "minute", least: 0, most: 59, names: &[] },
    Field { what: "hour", least: 0, most: 23, names: &[] },
    Field { what: "day of the month", least: 1, most: 31, names: &[] },
    Field { what: "month", least: 1, most: 12, names: &MONTHS },
    Field { what: "day of the week", least: 0, most: 7, names: &DAYS },
];

/// What a schedule names, written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments {
    /// Minutes of an hour.
    pub minutes: BTreeSet<u32>,
    /// Hours of a day.
    pub hours: BTreeSet<u32>,
    /// Days of a month; `None` for `*`: any.
    pub days: Option<BTreeSet<u32>>,
    /// Months, from 1.
    pub months: BTreeSet<u32>,
    /// Days of a week, from 0 for Sunday to 6; `None` for `*`: any.
    pub weekdays: Option<BTreeSet<u32>>,
}

impl Moments {
    /// Reads a schedule; `None` for one that has a fault.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if problem(text).is_some() {
            return None;
        }
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else { return None };
        let named = |at: usize, part: &str| {
            let field: &Field = &FIELDS[at];
            (field.least..=field.most).filter(|number| field.has(part, *number)).collect::<BTreeSet<u32>>()
        };
        // Sunday is 0 and 7.
        let week = || named(4, weekday).into_iter().map(|day| day % 7).collect();
        Some(Self {
            minutes: named(0, minute),
            hours: named(1, hour),
            days: (day != "*").then(|| named(2, day)),
            months: named(3, month),
            weekdays: (weekday != "*").then(week),
        })
    }
}

/// Says what is wrong with a schedule, if anything is.
pub(crate) fn problem(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Some(format!("a schedule has five fields, this one has {}", parts.len()));
    }
    let wrong = FIELDS.iter().zip(&parts).find_map(|(field, part)| part.split(',').find_map(|item| field.problem(item)));
    wrong.or_else(|| never(&parts))
}

/// Says that the days come in none of the months. Where days of the week are named as well, those come in any month.
fn never(parts: &[&str]) -> Option<String> {
    let [_, _, days, months, "*"] = parts else { return None };
    let [_, _, day_field, month_field, _] = &FIELDS;
    let comes = (1..)
        .zip(LONGEST)
        .any(|(month, longest)| month_field.has(months, month) && (1..=longest).any(|day| day_field.has(days, day)));
    (!comes).then(|| format!("there is no day {days} in month {months}: the schedule would never come"))
}

impl Field {
    /// Reads `*`, `5`, `1-5`, and each with a step: `*/15`.
    fn problem(&self, item: &str) -> Option<String> {
        let wrong = |why: String| Some(format!("{item:?} is not a {}: {why}", self.what));
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        if let Some(step) = step
            && !matches!(step.parse::<u32>(), Ok(step) if (1..=self.most).contains(&step))
        {
            return wrong(format!("a step is a number from 1 to {}", self.most));
        }
        if range == "*" {
            return None;
        }
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (self.number(first), self.number(last)) {
            (Some(first), Some(last)) if first <= last => None,
            (Some(_), Some(_)) => wrong("the range ends before it begins".to_owned()),
            _ => wrong(format!("it is from {} to {}", self.least, self.most)),
        }
    }

    /// Whether a part without faults has this number.
    fn has(&self, part: &str, number: u32) -> bool {
        part.split(',').any(|item| {
            let (range, step) = item.split_once('/').unwrap_or((item, "1"));
            let step = step.parse().unwrap_or(1);
            // `5/10` is from 5 on.
            let (first, last) = match range.split_once('-') {
                Some((first, last)) => (self.number(first), self.number(last)),
                None if range == "*" => (Some(self.least), Some(self.most)),
                None if item.contains('/') => (self.number(range), Some(self.most)),
                None => (self.number(range), self.number(range)),
            };
            first.zip(last).is_some_and(|(first, last)| (first..=last).contains(&number) && (number - first).is_multiple_of(step))
        })
    }

    fn number(&self, text: &str) -> Option<u32> {
        if let Some(at) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return u32::try_from(at).ok().map(|at| at + self.least);
        }
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|number| plain && (self.least..=self.most).contains(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_names_its_moments() {
        let moments = Moments::read("*/20 8-18/5 1,15 jan-mar *").unwrap();
        assert_eq!(moments.minutes, BTreeSet::from([0, 20, 40]));
        assert_eq!(moments.hours, BTreeSet::from([8, 13, 18]));
        assert_eq!((moments.days, moments.weekdays), (Some(BTreeSet::from([1, 15])), None));
        assert_eq!(moments.months, BTreeSet::from([1, 2, 3]));
        let weekend = Moments::read("0 6 * * 6-7").unwrap();
        assert_eq!((weekend.days, weekend.weekdays), (None, Some(BTreeSet::from([0, 6]))));
        assert_eq!(Moments::read("0 6 * *"), None);
    }

    #[test]
    fn schedules_have_five_fields_within_their_ranges() {
        for text in [
            "0 6 * * *",
            "*/15 8-18 1,15 jan-mar MON-fri",
            "59 23 31 12 7",
            "0 0 * * 0",
            "0 0 29 2 *",
            "0 0 31 2 mon",
            "0 0 31 */5 *",
        ] {
            assert_eq!(problem(text), None, "{text}");
        }
        let check = |text: &str, expect: &str| assert_eq!(problem(text).as_deref(), Some(expect));
        check("0 6 * *", "a schedule has five fields, this one has 4");
        check("60 6 * * *", "\"60\" is not a minute: it is from 0 to 59");
        check("0 6-2 * * *", "\"6-2\" is not a hour: the range ends before it begins");
        check("*/0 * * * *", "\"*/0\" is not a minute: a step is a number from 1 to 59");
        check("0 0 0 * *", "\"0\" is not a day of the month: it is from 1 to 31");
        check("0 0 31 2 *", "there is no day 31 in month 2: the schedule would never come");
        check("0 0 31 apr,jun *", "there is no day 31 in month apr,jun: the schedule would never come");
        check("0 0 30-31/1 feb *", "there is no day 30-31/1 in month feb: the schedule would never come");
        check("0 0 * * funday", "\"funday\" is not a day of the week: it is from 0 to 7");
    }
}

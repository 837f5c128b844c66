//! Schedules: whether a text is a cron expression of five fields. Nothing here says when one is due.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
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

/// Says what is wrong with a schedule, if anything is.
pub(crate) fn problem(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Some(format!("a schedule has five fields, this one has {}", parts.len()));
    }
    FIELDS.iter().zip(parts).find_map(|(field, part)| part.split(',').find_map(|item| field.problem(item)))
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
    fn schedules_have_five_fields_within_their_ranges() {
        for text in ["0 6 * * *", "*/15 8-18 1,15 jan-mar MON-fri", "59 23 31 12 7", "0 0 * * 0"] {
            assert_eq!(problem(text), None, "{text}");
        }
        let check = |text: &str, expect: &str| assert_eq!(problem(text).as_deref(), Some(expect));
        check("0 6 * *", "a schedule has five fields, this one has 4");
        check("60 6 * * *", "\"60\" is not a minute: it is from 0 to 59");
        check("0 6-2 * * *", "\"6-2\" is not a hour: the range ends before it begins");
        check("*/0 * * * *", "\"*/0\" is not a minute: a step is a number from 1 to 59");
        check("0 0 0 * *", "\"0\" is not a day of the month: it is from 1 to 31");
        check("0 0 * * funday", "\"funday\" is not a day of the week: it is from 0 to 7");
    }
}

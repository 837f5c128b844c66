//! Numbers as people read them.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2 rows`.
pub(crate) fn rows(number: u64) -> String {
    format!("{} row{}", count(number), if number == 1 { "" } else { "s" })
}

/// Bytes in the unit that leaves one to four digits before the point.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Seconds with as many digits as matter: `0.012 s`, `3.4 s`, `2 min 05 s`.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.1 => format!("{s:.3} s"),
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 60.0 => format!("{s:.1} s"),
        s => {
            let whole = Duration::from_secs_f64(s).as_secs();
            format!("{} min {:02} s", whole / 60, whole % 60)
        }
    }
}

/// Rows per second, or nothing where there is nothing to divide.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, for people")]
pub(crate) fn rate(rows: u64, seconds: f64) -> String {
    if rows == 0 || seconds <= 0.0 { String::new() } else { count((rows as f64 / seconds) as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1000, 1_234_567].map(count).each_ref().map(String::as_str));
        assert_eq!(["1 row", "2 rows"], [1, 2].map(rows).each_ref().map(String::as_str));
        assert_eq!(["12 B", "1.5 KB", "2.0 GB"], [12, 1500, 2_000_000_000].map(bytes).each_ref().map(String::as_str));
        assert_eq!(["0.012 s", "3.40 s", "2 min 05 s"], [0.012, 3.4, 125.2].map(seconds).each_ref().map(String::as_str));
        assert_eq!(rate(1000, 0.5), "2,000");
        assert_eq!(rate(0, 0.5), "");
    }
}

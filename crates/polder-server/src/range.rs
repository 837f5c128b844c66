//! Parts of files that requests ask for.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::problem::Problem;

/// Which part of a file is asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Wanted {
    Whole,
    Part(Range<u64>),
    /// One that the file does not have.
    Nothing,
}

/// Reads `Range` (RFC 9110, section 14.2). What asks for several parts, or is not understood, gets the whole.
pub(crate) fn wanted(headers: &HeaderMap, size: u64) -> Wanted {
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = text.and_then(|text| text.strip_prefix("bytes=")).and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Ok(0) => Wanted::Nothing,
            Ok(_) if size == 0 => Wanted::Nothing,
            Ok(count) => Wanted::Part(size.saturating_sub(count)..size),
            Err(_) => Wanted::Whole,
        },
        (first, last) => match (number(first), if last.is_empty() { Ok(u64::MAX) } else { number(last) }) {
            (Ok(first), Ok(last)) if first > last => Wanted::Whole,
            (Ok(first), Ok(_)) if first >= size => Wanted::Nothing,
            (Ok(first), Ok(last)) => Wanted::Part(first..size.min(last.saturating_add(1))),
            _ => Wanted::Whole,
        },
    }
}

/// The refusal of a part that a file does not have.
pub(crate) fn no_such_part(size: u64) -> Problem {
    let problem = Problem::invalid("the file has no such part").with_status(StatusCode::RANGE_NOT_SATISFIABLE);
    match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(range) => problem.with_header(header::CONTENT_RANGE, range),
        Err(_) => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, expect: Wanted) {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
        assert_eq!(wanted(&headers, 100), expect, "{range}");
    }

    #[test]
    fn a_part_is_what_the_header_says() {
        check("bytes=0-9", Wanted::Part(0..10));
        check("bytes=90-", Wanted::Part(90..100));
        check("bytes=90-1000", Wanted::Part(90..100));
        check("bytes=-8", Wanted::Part(92..100));
        check("bytes=-800", Wanted::Part(0..100));
        check("bytes=100-", Wanted::Nothing);
        check("bytes=-0", Wanted::Nothing);
        check("bytes=18446744073709551615-", Wanted::Nothing);
        for whole in ["bytes=5-2", "bytes=a-b", "lines=0-9", "bytes=0-1,5-6", "bytes=", "bytes=-"] {
            check(whole, Wanted::Whole);
        }
    }
}

//! Pages of lists that are in order of some key. The cursor is the last key of the page before.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use polder_api::{Page, PageQuery};

use crate::problem::Problem;

const DEFAULT: u32 = 100;
const MOST: u32 = 1000;

/// How much is on a page.
pub(crate) fn limit(page: &PageQuery) -> Result<usize, Problem> {
    match page.limit.unwrap_or(DEFAULT) {
        limit @ 1..=MOST => Ok(limit as usize),
        limit => Err(Problem::invalid(format!("a page has from 1 to {MOST} items, not {limit}"))),
    }
}

/// The key after which the page begins.
pub(crate) fn after(page: &PageQuery) -> Result<Option<String>, Problem> {
    let Some(cursor) = &page.cursor else { return Ok(None) };
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let wrong = || Problem::invalid("that is no cursor").with_hint("a cursor is the `next_cursor` of the page before, as it is");
    decoded.map(Some).ok_or_else(wrong)
}

/// What to ask for the page after this key with.
pub(crate) fn cursor(key: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(key)
}

/// Cuts a page out of a whole list that is in order of its keys.
pub(crate) fn page<T>(items: Vec<T>, query: &PageQuery, key: impl Fn(&T) -> String) -> Result<Page<T>, Problem> {
    let (limit, after) = (limit(query)?, after(query)?);
    let mut items = items.into_iter().skip_while(|item| after.as_ref().is_some_and(|after| key(item) <= *after));
    let shown: Vec<T> = items.by_ref().take(limit).collect();
    let next_cursor = if items.next().is_some() { shown.last().map(|last| cursor(&key(last))) } else { None };
    Ok(Page { items: shown, next_cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_put_together_are_the_list() {
        let all: Vec<u32> = (10..35).collect();
        let mut query = PageQuery { limit: Some(10), cursor: None };
        let mut seen = Vec::new();
        loop {
            let Page { items, next_cursor } = page(all.clone(), &query, u32::to_string).unwrap();
            seen.extend(items);
            if next_cursor.is_none() {
                break;
            }
            query.cursor = next_cursor;
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_wrong_cursor_or_size_is_refused() {
        for query in [
            PageQuery { limit: Some(0), cursor: None },
            PageQuery { limit: Some(1001), cursor: None },
            PageQuery { limit: None, cursor: Some("!".to_owned()) },
            PageQuery { limit: None, cursor: Some(BASE64_URL_SAFE_NO_PAD.encode([0xff])) },
        ] {
            assert!(page(vec![1], &query, u32::to_string).is_err(), "{query:?}");
        }
    }
}

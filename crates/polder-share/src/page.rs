//! Lists in pages: `maxResults`, `pageToken` and `nextPageToken`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// What leads to the next; `None` on the last.
    pub next: Option<String>,
}

/// A page that was asked for and that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page token is none that this list has given: begin without one")]
pub struct PageError;

/// Takes a page out of a list in the order of its keys.
///
/// # Errors
/// When the token was not given by such a list.
pub fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
    max_results: Option<u32>,
    token: Option<&str>,
) -> Result<Page<T>, PageError> {
    let after = token.filter(|token| !token.is_empty()).map(opened).transpose()?;
    let mut items: Vec<T> =
        items.into_iter().filter(|item| after.as_ref().is_none_or(|after| key(item).as_str() > after.as_str())).collect();
    items.sort_by_key(&key);
    // Asking for none is asking for all, as without a number.
    let limit = max_results.filter(|limit| *limit > 0).map_or(usize::MAX, |limit| limit as usize);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Ok(Page { items, next })
}

fn opened(token: &str) -> Result<String, PageError> {
    URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(PageError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_make_up_the_list() {
        let list = ["d", "a", "c", "b"];
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let taken = page(list, |item| (*item).to_owned(), Some(3), token.as_deref()).unwrap();
            found.extend(taken.items);
            match taken.next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        assert_eq!(found, ["a", "b", "c", "d"]);
        assert_eq!(page(list, |item| (*item).to_owned(), None, Some("")).unwrap().items.len(), 4);
        assert_eq!(page(list, |item| (*item).to_owned(), Some(0), None).unwrap().next, None);
        assert_eq!(page(list, |item| (*item).to_owned(), None, Some("%%")), Err(PageError));
    }
}

//! `maxMegabytes` and `queryMegabytes`: how much may be kept of something, or taken for it.

use crate::reader::{Count, Fields, Reader, Spanned};

/// A terabyte: more than any server has.
const MOST: u32 = 1_048_576;

/// Reads a key like `maxMegabytes`, where it is written and within reason.
pub(crate) fn read(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str, least: u32, help: &str) -> Option<u32> {
    let Spanned { value: Count(count), span } = fields.parsed::<Count>(r, key)?;
    let fitting = u32::try_from(count).ok().filter(|megabytes| (least..=MOST).contains(megabytes));
    if fitting.is_none() {
        let message = format!("'{key}' is a number from {least} to {MOST}");
        r.error(span, "out-of-range", &count.to_string(), message).help = Some(help.to_owned());
    }
    fitting
}

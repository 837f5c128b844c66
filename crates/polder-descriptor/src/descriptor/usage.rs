//! `usage`: what a dataset is for, by which its storage is chosen.

use polder_model::usage::{Pattern, Recovery, Residency, Usage};

use crate::descriptor::dataset::Shape;
use crate::descriptor::zones::within;
use crate::fault::Span;
use crate::reader::{Count, Fields, Reader};

/// Reads `usage`, which a dataset need not have.
pub(crate) fn read(r: &mut Reader<'_>, dataset: &mut Fields<'_>) -> Option<Usage> {
    let mut fields = dataset.fields(r, "usage")?;
    let pattern = fields.choice(r, "pattern", &Pattern::ALL.map(|pattern| (pattern.as_str(), pattern))).unwrap_or_default();
    let hold = fields.raw("holdDays").map(|entry| entry.span);
    let usage = Usage {
        pattern,
        gigabytes: fields.parsed::<Count>(r, "gigabytes").map(|count| count.value.0),
        recovery: fields.choice(r, "recovery", &Recovery::ALL.map(|of| (of.as_str(), of))).unwrap_or_default(),
        residency: fields.choice(r, "residency", &Residency::ALL.map(|of| (of.as_str(), of))),
        requests_per_second: fields.parsed::<Count>(r, "requestsPerSecond").map(|count| count.value.0),
        hold_days: within(r, &mut fields, "holdDays", 1, MOST_HOLD_DAYS),
        redundancy: fields.text(r, "redundancy").map(|text| text.value),
        tier: fields.text(r, "tier").map(|text| text.value),
    };
    if let Some(span) = hold.filter(|_| pattern != Pattern::LegalHold) {
        r.error(span, "does-not-apply", "holdDays", "only what is under a legal hold is held").help =
            Some("write pattern: legalHold, or take holdDays out".to_owned());
    }
    fields.finish(r);
    Some(usage)
}

/// A hundred years.
const MOST_HOLD_DAYS: u64 = 36_525;

/// Says what only a table can have of what is none.
pub(crate) fn fits(r: &mut Reader<'_>, span: Span, shape: &Shape) {
    let (what, help) = match shape {
        Shape::View(_) => ("a view has no storage: it keeps no rows", "put it on the tables that the view reads"),
        Shape::Volume => ("a volume is stored as its domain is", "take it out"),
        Shape::Table => return,
    };
    r.error(span, "does-not-apply", "usage", what).help = Some(help.to_owned());
}

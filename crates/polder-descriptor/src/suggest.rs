//! Suggestions: the known word that a wrong one was most likely meant to be.

/// Returns the candidate most like `wrong`, if any is like it enough to be worth showing.
pub(crate) fn nearest<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    near(wrong, candidates).min().map(|(_, candidate)| candidate)
}

/// Returns those most like `wrong`, at most three that are about as like it as the first.
pub(crate) fn nearest_few<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let mut near: Vec<_> = near(wrong, candidates).collect();
    near.sort_unstable();
    let least = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().take_while(|(distance, _)| *distance <= least + 1).take(3).map(|(_, candidate)| candidate).collect()
}

/// The candidates that are like `wrong` enough, each with by how much it is not.
fn near<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> impl Iterator<Item = (usize, &'c str)> {
    let wrong = normal(wrong);
    let length = wrong.chars().count();
    let limit = (length / 3).max(1);
    candidates.into_iter().filter_map(move |candidate| {
        // Distance is at least the difference in length: most candidates need no closer look.
        if length > 120 || candidate.len().abs_diff(wrong.len()) > limit + 4 {
            return None;
        }
        let distance = strsim::osa_distance(&wrong, &normal(candidate));
        (distance <= limit).then_some((distance, candidate))
    })
}

/// Whether `wrong` is so like `known` that it can only be a slip of the pen: fewer letters differ than [`nearest`] puts up with.
pub(crate) fn is_slip(wrong: &str, known: &str) -> bool {
    let wrong = normal(wrong);
    strsim::osa_distance(&wrong, &normal(known)) <= (wrong.chars().count() / 4).max(1)
}

/// Case and separators are the commonest slips: they count for nothing.
fn normal(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Returns `did you mean 'x'?`, or failing that all candidates when they are few.
pub(crate) fn hint<'c>(wrong: &str, candidates: impl Iterator<Item = &'c str> + Clone) -> Option<String> {
    const FEW: usize = 8;
    if let Some(near) = nearest(wrong, candidates.clone()) {
        return Some(format!("did you mean '{near}'?"));
    }
    let mut known: Vec<&str> = candidates.take(FEW + 1).collect();
    known.sort_unstable();
    known.dedup();
    if known.is_empty() || known.len() > FEW { None } else { Some(format!("there is {}", known.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_far_ones_are_not() {
        let known = ["partitioningColumns", "hasHistory", "format", "location"];
        let check = |wrong: &str, expect: Option<&str>| assert_eq!(nearest(wrong, known), expect, "{wrong}");
        check("partitioning_columns", Some("partitioningColumns"));
        check("partitionColumns", Some("partitioningColumns"));
        check("fromat", Some("format"));
        check("hashistory", Some("hasHistory"));
        check("colour", None);
        check("", None);
    }

    #[test]
    fn a_slip_is_nearer_than_a_suggestion() {
        for (wrong, known) in [("tag", "tags"), ("rowFilter", "rowFilters"), ("row_filter", "rowFilters"), ("masks", "mask")] {
            assert!(is_slip(wrong, known), "{wrong}");
        }
        assert!(!is_slip("hotStorage", "coldStorage"));
    }
}

//! Sets of indexes as Jobs write them: `1,3-5,7`.

use crate::go::quote;

/// How many indexes the text names; what is wrong with it.
pub(super) fn count(text: &str, completions: i64) -> Result<i64, String> {
    let mut last = None;
    let mut total = 0;
    for fragment in text.split(',').filter(|_| !text.is_empty()) {
        let (first, end) = interval(fragment, completions)?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!("non-increasing order, previous: {last}, current: {first}"));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn interval(fragment: &str, completions: i64) -> Result<(i64, i64), String> {
    let limits: Vec<&str> = fragment.split('-').collect();
    if limits.len() > 2 {
        let fragment = quote(fragment);
        return Err(format!(
            "the fragment {fragment} violates the requirement that an index interval can have at most two parts separated \
             by '-'"
        ));
    }
    let number = |text: &str| {
        let number: i64 =
            text.parse().map_err(|_| format!("cannot convert string to integer for index: {}", quote(text)))?;
        if number >= completions { Err(format!("too large index: {}", quote(text))) } else { Ok(number) }
    };
    let first = number(limits[0])?;
    let Some(end) = limits.get(1) else { return Ok((first, first)) };
    let end = number(end)?;
    if first >= end {
        return Err(format!("non-increasing order, previous: {first}, current: {end}"));
    }
    Ok((first, end))
}

/// What is wrong with failed and completed indexes together: none may be both. Fragments that can't be read are left
/// out; their format is refused elsewhere.
pub(super) fn overlap(completed: &str, failed: &str, completions: i64) -> Option<String> {
    let parse = |text: &str| -> Vec<(i64, i64)> {
        text.split(',').filter_map(|fragment| interval(fragment, completions).ok()).collect()
    };
    let (completed, failed) = (parse(completed), parse(failed));
    let (mut a, mut b) = (completed.iter().peekable(), failed.iter().peekable());
    while let (Some((first, end)), Some((other_first, other_end))) = (a.peek(), b.peek()) {
        if first <= other_end && other_first <= end {
            let at = first.max(other_first);
            return Some(format!("failedIndexes and completedIndexes overlap at index: {at}"));
        }
        if first <= other_first {
            a.next()
        } else {
            b.next()
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read() {
        for (text, expected) in [
            ("", Ok(0)),
            ("0", Ok(1)),
            ("1,3-5,7", Ok(5)),
            (
                "1-2-3",
                Err("the fragment \"1-2-3\" violates the requirement that an index interval can have at most two \
                parts separated by '-'"),
            ),
            ("a", Err("cannot convert string to integer for index: \"a\"")),
            ("10", Err("too large index: \"10\"")),
            ("2-12", Err("too large index: \"12\"")),
            ("5-3", Err("non-increasing order, previous: 5, current: 3")),
            ("3,2", Err("non-increasing order, previous: 3, current: 2")),
        ] {
            assert_eq!(count(text, 10), expected.map_err(str::to_owned), "{text}");
        }
        for (completed, failed, expected) in [
            ("", "1", None),
            ("1,3", "2,4", None),
            ("0-4", "3", Some("failedIndexes and completedIndexes overlap at index: 3")),
            ("x,5", "5", Some("failedIndexes and completedIndexes overlap at index: 5")),
        ] {
            assert_eq!(overlap(completed, failed, 10).as_deref(), expected);
        }
    }
}

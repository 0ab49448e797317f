//! The difference of two texts, as a unified diff with three lines of context.
//!
//! Clients are shown it, so it must be upstream's to the line, and that depends on which lines are matched: the longest
//! common run first, then the same on both sides of it (Ratcliff and Obershelp). In long texts, lines that recur often
//! are not looked for. Quadratic in lines; specs have some hundred.

use std::collections::HashMap;
use std::fmt::Write;

/// Lines shown around a change.
const CONTEXT: usize = 3;
/// From this many lines on, popular ones aren't looked for.
const LONG: usize = 200;

/// The unified diff of `a` and `b`, without headers. Empty where they are equal.
pub(super) fn unified(a: &str, b: &str) -> String {
    let a = lines(a);
    let b = lines(b);
    let mut out = String::new();
    for group in groups(changes(&a, &b)) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (a_range, b_range) = (range(first.a.0, last.a.1), range(first.b.0, last.b.1));
        // Writing to a String can't fail.
        let _ = writeln!(out, "@@ -{a_range} +{b_range} @@");
        for change in &group {
            if change.is_equal {
                a[change.a.0..change.a.1].iter().for_each(|line| push(&mut out, ' ', line));
            } else {
                a[change.a.0..change.a.1].iter().for_each(|line| push(&mut out, '-', line));
                b[change.b.0..change.b.1].iter().for_each(|line| push(&mut out, '+', line));
            }
        }
    }
    out
}

fn lines(text: &str) -> Vec<&str> {
    text.split('\n').collect()
}

fn push(out: &mut String, sign: char, line: &str) {
    out.push(sign);
    out.push_str(line);
    out.push('\n');
}

fn range(start: usize, end: usize) -> String {
    match end - start {
        1 => (start + 1).to_string(),
        0 => format!("{start},0"),
        length => format!("{},{length}", start + 1),
    }
}

/// Half-open ranges of both texts that are equal or stand for each other.
#[derive(Debug, Clone, Copy)]
struct Change {
    is_equal: bool,
    a: (usize, usize),
    b: (usize, usize),
}

/// A common run: where it begins in both, and its length.
type Block = (usize, usize, usize);

struct Matcher<'t> {
    a: &'t [&'t str],
    b: &'t [&'t str],
    places: HashMap<&'t str, Vec<usize>>,
}

impl Matcher<'_> {
    fn longest(&self, a: (usize, usize), b: (usize, usize)) -> Block {
        let mut best = (a.0, b.0, 0);
        let mut ending: HashMap<usize, usize> = HashMap::new();
        for i in a.0..a.1 {
            let mut next = HashMap::new();
            for j in self.places.get(self.a[i]).into_iter().flatten().copied() {
                if j < b.0 {
                    continue;
                }
                if j >= b.1 {
                    break;
                }
                let length = j.checked_sub(1).and_then(|j| ending.get(&j)).copied().unwrap_or(0) + 1;
                next.insert(j, length);
                if length > best.2 {
                    best = (i + 1 - length, j + 1 - length, length);
                }
            }
            ending = next;
        }
        while best.0 > a.0 && best.1 > b.0 && self.a[best.0 - 1] == self.b[best.1 - 1] {
            best = (best.0 - 1, best.1 - 1, best.2 + 1);
        }
        while best.0 + best.2 < a.1 && best.1 + best.2 < b.1 && self.a[best.0 + best.2] == self.b[best.1 + best.2] {
            best.2 += 1;
        }
        best
    }

    fn blocks(&self, a: (usize, usize), b: (usize, usize), into: &mut Vec<Block>) {
        let best = self.longest(a, b);
        if best.2 == 0 {
            return;
        }
        if a.0 < best.0 && b.0 < best.1 {
            self.blocks((a.0, best.0), (b.0, best.1), into);
        }
        into.push(best);
        let (after_a, after_b) = (best.0 + best.2, best.1 + best.2);
        if after_a < a.1 && after_b < b.1 {
            self.blocks((after_a, a.1), (after_b, b.1), into);
        }
    }
}

fn changes(a: &[&str], b: &[&str]) -> Vec<Change> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, line) in b.iter().enumerate() {
        places.entry(line).or_default().push(index);
    }
    if b.len() >= LONG {
        places.retain(|_, places| places.len() <= b.len() / 100 + 1);
    }
    let mut blocks = Vec::new();
    Matcher { a, b, places }.blocks((0, a.len()), (0, b.len()), &mut blocks);

    let mut joined: Vec<Block> = Vec::new();
    for block in blocks {
        match joined.last_mut() {
            Some(last) if last.0 + last.2 == block.0 && last.1 + last.2 == block.1 => last.2 += block.2,
            _ => joined.push(block),
        }
    }
    joined.push((a.len(), b.len(), 0));

    let (mut i, mut j) = (0, 0);
    let mut changes = Vec::new();
    for (at_a, at_b, length) in joined {
        if i < at_a || j < at_b {
            changes.push(Change { is_equal: false, a: (i, at_a), b: (j, at_b) });
        }
        (i, j) = (at_a + length, at_b + length);
        if length > 0 {
            changes.push(Change { is_equal: true, a: (at_a, i), b: (at_b, j) });
        }
    }
    changes
}

/// Splits where much is equal, and leaves three lines of it on each side.
fn groups(mut changes: Vec<Change>) -> Vec<Vec<Change>> {
    if let Some(first) = changes.first_mut().filter(|change| change.is_equal) {
        first.a.0 = first.a.0.max(first.a.1.saturating_sub(CONTEXT));
        first.b.0 = first.b.0.max(first.b.1.saturating_sub(CONTEXT));
    }
    if let Some(last) = changes.last_mut().filter(|change| change.is_equal) {
        last.a.1 = last.a.1.min(last.a.0 + CONTEXT);
        last.b.1 = last.b.1.min(last.b.0 + CONTEXT);
    }
    let mut groups = Vec::new();
    let mut group = Vec::new();
    for mut change in changes {
        if change.is_equal && change.a.1 - change.a.0 > 2 * CONTEXT {
            let head =
                Change { is_equal: true, a: (change.a.0, change.a.0 + CONTEXT), b: (change.b.0, change.b.0 + CONTEXT) };
            group.push(head);
            groups.push(std::mem::take(&mut group));
            change.a.0 = change.a.1 - CONTEXT;
            change.b.0 = change.b.1 - CONTEXT;
        }
        group.push(change);
    }
    groups.push(group);
    groups.retain(|group| group.iter().any(|change| !change.is_equal));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences() {
        let long = |middle: &str| {
            let mut lines: Vec<String> = (1..=9).map(|n| n.to_string()).collect();
            lines[4] = middle.to_owned();
            lines.join("\n")
        };
        let rows = [
            ("a\nb".to_owned(), "a\nb".to_owned(), ""),
            ("a\nb\nc".to_owned(), "a\nx\nc".to_owned(), "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"),
            ("a".to_owned(), "b".to_owned(), "@@ -1 +1 @@\n-a\n+b\n"),
            (long("x"), long("y"), "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-x\n+y\n 6\n 7\n 8\n"),
            ("a\nb".to_owned(), "a\nb\nc".to_owned(), "@@ -1,2 +1,3 @@\n a\n b\n+c\n"),
        ];
        for (a, b, expected) in rows {
            assert_eq!(unified(&a, &b), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn distant_changes_stand_apart() {
        let text = |first: &str, last: &str| format!("{first}\n1\n2\n3\n4\n5\n6\n7\n{last}");
        assert_eq!(
            unified(&text("a", "b"), &text("x", "y")),
            "@@ -1,4 +1,4 @@\n-a\n+x\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+y\n"
        );
    }
}

//! What the scanner and the parser say of broken syntax, in upstream's words where both find the same fault.
//!
//! Upstream (go-yaml 2) leaves out in which construct it was, and counts lines in a way of its own: an error of its
//! scanner names the line, counted from 1, but the first one not at all; one of its parser names the line before.

use saphyr_parser::ScanError;

use super::YamlError;

/// What is wrong, as the scanner here says it (or begins to), and as upstream's does.
const WORDS: [(&str, &str); 12] = [
    ("a block scalar content cannot start with a tab", NO_TOKEN),
    ("simple key expect ':'", NO_VALUE),
    ("simple key expected", NO_VALUE),
    ("tab cannot be used as indentation", NO_TOKEN),
    ("tabs disallowed", NO_TOKEN),
    ("unexpected character", NO_TOKEN),
    ("unexpected end of plain scalar", NO_TOKEN),
    ("found a tab", "found a tab character that violates indentation"),
    ("expected ',' or ']'", "did not find expected ',' or ']'"),
    ("the handle wasn't declared", "found undefined tag handle"),
    ("did not find expected <document-start>", "did not find expected <document start>"),
    ("found unprintable character", "control characters are not allowed"),
];
const NO_TOKEN: &str = "found character that cannot start any token";
const NO_VALUE: &str = "could not find expected ':'";

/// What upstream's parser, not its scanner, says.
const OF_PARSER: [&str; 9] = [
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
    "did not find expected '-' indicator",
    "did not find expected <document start>",
    "did not find expected <stream-start>",
    "did not find expected key",
    "did not find expected node content",
    "found incompatible YAML document",
    "found undefined tag handle",
];

/// The error as upstream tells it.
pub(super) fn syntax(error: &ScanError) -> YamlError {
    let info = error.info();
    // `while parsing a block mapping, did not find expected key`
    let problem = info.strip_prefix("while ").and_then(|info| info.split_once(", ")).map_or(info, |(_, what)| what);
    let known = WORDS.iter().find(|(own, _)| problem.starts_with(own)).map(|(_, upstreams)| *upstreams);
    let problem = known.unwrap_or(problem);
    let line = match error.marker().line() {
        0 | 1 => 0,
        line if OF_PARSER.contains(&problem) => line - 1,
        line => line,
    };
    YamlError::Syntax { line, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::to_json;

    #[test]
    fn faults_are_told_in_upstreams_words() {
        let rows = [
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            ("x: y\na: b: c\n", "yaml: line 2: mapping values are not allowed in this context"),
            ("a:\n\tb: c\n", "yaml: line 2: found character that cannot start any token"),
            ("a: @\n", "yaml: found character that cannot start any token"),
        ];
        for (text, expected) in rows {
            assert_eq!(to_json(text.as_bytes()).unwrap_err().to_string(), expected, "{text:?}");
        }
    }
}

//! The rules of names: DNS labels and subdomains, label keys and values, keys of config maps, identifiers, path segments.
//!
//! Each function takes a text and gives what is wrong with it, in upstream's sentences; an empty list means that it is
//! valid. The sentences name upstream's regular expressions; the matching itself is written out by hand, since these run
//! on every write. Lengths are in bytes.
//!
//! Upstream has two sets of these: the older says `characters`, the newer, which label keys and values use, `bytes`.
//!
//! Facts: k8s.io/apimachinery/pkg/util/validation, k8s.io/apimachinery/pkg/api/validate/content.

/// The longest DNS label (RFC 1123 and RFC 1035).
pub const DNS_LABEL_MAX_LENGTH: usize = 63;
/// The longest DNS subdomain (RFC 1123).
pub const DNS_SUBDOMAIN_MAX_LENGTH: usize = 253;
/// The longest value of a label.
pub const LABEL_VALUE_MAX_LENGTH: usize = 63;

const DNS_1123_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_1123_LABEL_WITH_UNDERSCORE: &str = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_KEY_WORDS: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const SUBDOMAIN_WORDS: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
                               or '.', and must start and end with an alphanumeric character";

/// The sentence about a text of more than `most` bytes.
#[must_use]
pub fn max_length_error(most: usize) -> String {
    format!("must be no more than {most} characters")
}

/// The newer sentence about a text of more than `most` bytes.
#[must_use]
pub fn max_bytes_error(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

/// The sentence about an empty text.
#[must_use]
pub fn empty_error() -> &'static str {
    "must be non-empty"
}

/// The sentence about a number outside `low..=high`.
#[must_use]
pub fn inclusive_range_error(low: i64, high: i64) -> String {
    format!("must be between {low} and {high}, inclusive")
}

/// The sentence about a text that doesn't match `regex`, with examples of what does.
#[must_use]
pub fn regex_error(message: &str, regex: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{regex}')");
    }
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

/// A label of DNS as RFC 1123 has it, in lower case.
#[must_use]
pub fn is_dns1123_label(value: &str) -> Vec<String> {
    let mut errors = longer_than(value, DNS_LABEL_MAX_LENGTH);
    if !label_1123(value) {
        if subdomain_of(value, label_1123) {
            errors.push("must not contain dots".to_owned());
        } else {
            let words = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                         start and end with an alphanumeric character";
            errors.push(regex_error(words, DNS_1123_LABEL, &["my-name", "123-abc"]));
        }
    }
    errors
}

/// A subdomain of DNS as RFC 1123 has it, in lower case.
#[must_use]
pub fn is_dns1123_subdomain(value: &str) -> Vec<String> {
    let mut errors = longer_than(value, DNS_SUBDOMAIN_MAX_LENGTH);
    errors.extend(subdomain_shape(value));
    errors
}

/// A subdomain of DNS as RFC 1123 has it, upper case allowed: names of storage drivers.
#[must_use]
pub fn is_dns1123_subdomain_caseless(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > DNS_SUBDOMAIN_MAX_LENGTH {
        errors.push(max_bytes_error(DNS_SUBDOMAIN_MAX_LENGTH));
    }
    if !subdomain_of(value, |label| {
        framed(label, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || c == b'-')
    }) {
        let words = "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end \
                     with an alphanumeric character";
        errors.push(regex_error(words, &subdomain_regex(DNS_1123_LABEL), &["Example.com"]));
    }
    errors
}

/// A subdomain whose labels may begin with an underscore and hold some, as SRV records' do.
#[must_use]
pub fn is_dns1123_subdomain_with_underscore(value: &str) -> Vec<String> {
    let mut errors = longer_than(value, DNS_SUBDOMAIN_MAX_LENGTH);
    if !subdomain_of(value, label_1123_with_underscore) {
        let words = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or \
                     '.', and must start and end with an alphanumeric character";
        errors.push(regex_error(words, &subdomain_regex(DNS_1123_LABEL_WITH_UNDERSCORE), &["example.com"]));
    }
    errors
}

/// A label of DNS as RFC 1035 has it, in lower case: it begins with a letter.
#[must_use]
pub fn is_dns1035_label(value: &str) -> Vec<String> {
    let mut errors = longer_than(value, DNS_LABEL_MAX_LENGTH);
    let starts = value.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    if !(starts && label_1123(value)) {
        let words = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                     alphabetic character, and end with an alphanumeric character";
        errors.push(regex_error(words, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    errors
}

/// `*.` and a subdomain.
#[must_use]
pub fn is_wildcard_dns1123_subdomain(value: &str) -> Vec<String> {
    let mut errors = longer_than(value, DNS_SUBDOMAIN_MAX_LENGTH);
    if !value.strip_prefix("*.").is_some_and(|rest| subdomain_of(rest, label_1123)) {
        let words = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
                     consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        let regex = format!("\\*\\.{}", subdomain_regex(DNS_1123_LABEL));
        errors.push(regex_error(words, &regex, &["*.example.com"]));
    }
    errors
}

/// A qualified name, which is what a label's key is: an optional subdomain and `/`, then a name.
#[must_use]
pub fn is_qualified_name(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let mut parts = value.split('/');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let name = match (second, third) {
        (None, _) => first,
        (Some(name), None) => {
            if first.is_empty() {
                errors.push(format!("prefix part {}", empty_error()));
            } else {
                let mut wrong = Vec::new();
                if first.len() > DNS_SUBDOMAIN_MAX_LENGTH {
                    wrong.push(max_bytes_error(DNS_SUBDOMAIN_MAX_LENGTH));
                }
                wrong.extend(subdomain_shape(first));
                errors.extend(wrong.into_iter().map(|wrong| format!("prefix part {wrong}")));
            }
            name
        }
        (Some(_), Some(_)) => {
            let words = regex_error(LABEL_KEY_WORDS, LABEL_KEY, &["MyName", "my.name", "123-abc"]);
            let tail = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {words} {tail}")];
        }
    };
    if name.is_empty() {
        errors.push(format!("name part {}", empty_error()));
    } else if name.len() > 63 {
        errors.push(format!("name part {}", max_bytes_error(63)));
    }
    if !label_word(name) {
        let words = regex_error(LABEL_KEY_WORDS, LABEL_KEY, &["MyName", "my.name", "123-abc"]);
        errors.push(format!("name part {words}"));
    }
    errors
}

/// A qualified name with a prefix.
#[must_use]
pub fn is_prefixed_label_key(value: &str) -> Vec<String> {
    let errors = is_qualified_name(value);
    if errors.is_empty() && !value.contains('/') {
        return vec!["must include a prefix (e.g. 'example.com/key')".to_owned()];
    }
    errors
}

/// The value of a label.
#[must_use]
pub fn is_valid_label_value(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > LABEL_VALUE_MAX_LENGTH {
        errors.push(max_bytes_error(LABEL_VALUE_MAX_LENGTH));
    }
    if !value.is_empty() && !label_word(value) {
        let words = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                     must start and end with an alphanumeric character";
        errors.push(regex_error(words, &format!("({LABEL_KEY})?"), &["MyValue", "my_value", "12345"]));
    }
    errors
}

/// A key of a ConfigMap or a Secret.
#[must_use]
pub fn is_config_map_key(value: &str) -> Vec<String> {
    let mut errors = longer_than(value, DNS_SUBDOMAIN_MAX_LENGTH);
    if value.is_empty() || !value.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_')) {
        let words = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        errors.push(regex_error(words, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    errors.extend(parent_directory(value));
    errors
}

/// The name of an environment variable, as strictly as it was before names were relaxed.
#[must_use]
pub fn is_env_var_name(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
    if !value.bytes().all(fits) || value.bytes().next().is_none_or(|first| first.is_ascii_digit()) {
        let words = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or \
                     '.', and must not start with a digit";
        let examples = ["my.env-name", "MY_ENV.NAME", "MyEnvName1"];
        errors.push(regex_error(words, "[-._a-zA-Z][-._a-zA-Z0-9]*", &examples));
    }
    errors.extend(parent_directory(value));
    errors
}

/// The name of an environment variable: printable ASCII without `=`.
#[must_use]
pub fn is_relaxed_env_var_name(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.is_empty() {
        errors.push(format!("environment variable name {}", empty_error()));
    }
    if !value.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'=') {
        let words = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        errors.push(words.to_owned());
    }
    errors
}

/// An identifier of C. Its length isn't looked at.
#[must_use]
pub fn is_cidentifier(value: &str) -> Vec<String> {
    let starts = value.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    if starts && value.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        return Vec::new();
    }
    let words = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric \
                 characters or '_'";
    vec![regex_error(words, "[A-Za-z_][A-Za-z0-9_]*", &["my_name", "MY_NAME", "MyName"])]
}

/// The name of an HTTP header.
#[must_use]
pub fn is_http_header_name(value: &str) -> Vec<String> {
    if !value.is_empty() && value.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
        return Vec::new();
    }
    let words = "a valid HTTP header must consist of alphanumeric characters or '-'";
    vec![regex_error(words, "[-A-Za-z0-9]+", &["X-Header-Name"])]
}

/// A number from 1 to 65535.
#[must_use]
pub fn is_valid_port_num(port: i64) -> Vec<String> {
    is_in_range(port, 1, 65535)
}

/// A number from `low` to `high`.
#[must_use]
pub fn is_in_range(value: i64, low: i64, high: i64) -> Vec<String> {
    if (low..=high).contains(&value) { Vec::new() } else { vec![inclusive_range_error(low, high)] }
}

/// The number of a Unix group.
#[must_use]
pub fn is_valid_group_id(group: i64) -> Vec<String> {
    is_in_range(group, 0, i64::from(i32::MAX))
}

/// The number of a Unix user.
#[must_use]
pub fn is_valid_user_id(user: i64) -> Vec<String> {
    is_in_range(user, 0, i64::from(i32::MAX))
}

/// The name of a port as IANA has service names: at most 15 characters, a letter among them.
#[must_use]
pub fn is_valid_port_name(port: &str) -> Vec<String> {
    let mut errors = longer_than(port, 15);
    if port.is_empty() || !port.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-') {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !port.bytes().any(|c| c.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".to_owned());
    }
    if port.contains("--") {
        errors.push("must not contain consecutive hyphens".to_owned());
    }
    if port.starts_with('-') || port.ends_with('-') {
        errors.push("must not begin or end with a hyphen".to_owned());
    }
    errors
}

/// Digits and `%`.
#[must_use]
pub fn is_valid_percent(percent: &str) -> Vec<String> {
    let digits = percent.strip_suffix('%').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) {
        return Vec::new();
    }
    let words = "a valid percent string must be a numeric string followed by an ending '%'";
    vec![regex_error(words, "[0-9]+%", &["1%", "93%"])]
}

/// A condition's reason. Its length isn't looked at.
#[must_use]
pub fn is_valid_condition_reason(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let fits = match bytes {
        [] => false,
        [only] => only.is_ascii_alphabetic(),
        [first, middle @ .., last] => {
            first.is_ascii_alphabetic() && word(*last) && middle.iter().all(|c| word(*c) || matches!(c, b',' | b':'))
        }
    };
    if fits {
        return Vec::new();
    }
    let words = "a condition reason must start with alphabetic character, optionally followed by a string of \
                 alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
    let examples = ["my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"];
    vec![regex_error(words, "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", &examples)]
}

/// A name that can stand as a segment of a URL's path. Empty and long ones pass, as upstream has it.
#[must_use]
pub fn is_valid_path_segment_name(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    is_valid_path_segment_prefix(name)
}

/// What can begin such a name.
#[must_use]
pub fn is_valid_path_segment_prefix(name: &str) -> Vec<String> {
    let found = ["/", "%"].into_iter().filter(|illegal| name.contains(illegal));
    found.map(|illegal| format!("may not contain '{illegal}'")).collect()
}

fn longer_than(value: &str, most: usize) -> Vec<String> {
    if value.len() > most { vec![max_length_error(most)] } else { Vec::new() }
}

fn subdomain_shape(value: &str) -> Option<String> {
    let fits = subdomain_of(value, label_1123);
    (!fits).then(|| regex_error(SUBDOMAIN_WORDS, &subdomain_regex(DNS_1123_LABEL), &["example.com"]))
}

fn subdomain_regex(label: &str) -> String {
    format!("{label}(\\.{label})*")
}

fn subdomain_of(value: &str, label: impl Fn(&str) -> bool) -> bool {
    value.split('.').all(label)
}

fn label_1123(value: &str) -> bool {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    framed(value, word, |c| word(c) || c == b'-')
}

fn label_1123_with_underscore(value: &str) -> bool {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    framed(value.strip_prefix('_').unwrap_or(value), word, |c| word(c) || matches!(c, b'-' | b'_'))
}

fn label_word(value: &str) -> bool {
    let word = |c: u8| c.is_ascii_alphanumeric();
    framed(value, word, |c| word(c) || matches!(c, b'-' | b'_' | b'.'))
}

/// Whether both ends are `edge` and all between is `inner`; one byte is both ends.
fn framed(value: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    match value.as_bytes() {
        [] => false,
        [only] => edge(*only),
        [first, middle @ .., last] => edge(*first) && edge(*last) && middle.iter().all(|c| inner(*c)),
    }
}

fn parent_directory(value: &str) -> Option<String> {
    match value {
        "." | ".." => Some(format!("must not be '{value}'")),
        _ => value.starts_with("..").then(|| "must not start with '..'".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&str) -> Vec<String>;

    #[test]
    fn good_ones_pass_and_bad_ones_do_not() {
        let (long63, long64) = ("a".repeat(63), "a".repeat(64));
        let long253 = vec!["a".repeat(49); 5].join(".") + ".aaa";
        assert_eq!(long253.len(), 253);
        let rows: [(Rule, Vec<&str>, Vec<&str>); 15] = [
            (
                is_dns1123_label,
                vec!["a", "ab", "a1", "a-1", "a--1--2--b", "0", "01", "0-1", &long63],
                vec!["", "A", "aBc", "-", "a-", "-a", "_", "a_b", ".", "a.b", " ", "a b", &long64, "é"],
            ),
            (
                is_dns1123_subdomain,
                vec!["a", "a.b", "0.1.2.3", "a-1.b--c", "01.a", &long253],
                vec!["", "A", "-", "a-", "-a", "_", ".", "a.", ".a", "a..b", "a.-b", "a_b.c", "a@b"],
            ),
            (is_dns1123_subdomain_caseless, vec!["A.b", "a"], vec!["", "a_", "A-"]),
            (is_dns1123_subdomain_with_underscore, vec!["_a.b", "a_b", "a"], vec!["", "__a", "a_", "_", "A"]),
            (is_dns1035_label, vec!["a", "a1", "a--1", &long63], vec!["", "0", "1a", "A", "a.b", "a-", &long64]),
            (is_wildcard_dns1123_subdomain, vec!["*.a.b", "*.a"], vec!["*.*.a", "*", "*a.b", "f*.b", "a.b", "*."]),
            (
                is_qualified_name,
                vec!["simple", "now-with-dashes", "1-starts-with-num", "a/b", "a.b/C_d.e", "1.2.3.4/5678", &long63],
                vec!["", "nospecialchars%^=@", "cantendwithadash-", "-x", "only/one/slash", "/a", "a/", "A/b", &long64],
            ),
            (is_prefixed_label_key, vec!["a.b/c"], vec!["c", "a.b/"]),
            (
                is_valid_label_value,
                vec!["", "simple", "1234", "a_b.c-d", &long63],
                vec!["nospecialchars%^=@", "Tama-nui-te-rā.is.Māori.sun", "\\backslashes", "-a", "a-", &long64],
            ),
            (is_config_map_key, vec!["a", "good.key", ".-", ".a", "a_B-1"], vec!["", ".", "..", "..a", "a/b", "a b"]),
            (is_env_var_name, vec!["A", "_a.b-c", "-", "a1"], vec!["", "1a", "a=b", ".", "..", "..a", "é"]),
            (is_relaxed_env_var_name, vec!["A", "1 a!", "~"], vec!["", "a=b", "a\n", "é"]),
            (is_cidentifier, vec!["a", "_1", "A_b"], vec!["", "1a", "a-b", "é"]),
            (is_http_header_name, vec!["X-Forwarded-For", "1"], vec!["", "a b", "a_b", "X:"]),
            (
                is_valid_port_name,
                vec!["telnet", "re-mail-ck", "pop3", "a", "a-1", "1-a"],
                vec!["longerthan15characters", "", "12345", "1--2", "-a", "a-", "a--b", "A", "a_b"],
            ),
        ];
        for (at, (rule, good, bad)) in rows.iter().enumerate() {
            for value in good {
                assert_eq!(rule(value), [""; 0], "{at}: {value:?}");
            }
            for value in bad {
                assert_ne!(rule(value), [""; 0], "{at}: {value:?}");
            }
        }
    }

    #[test]
    fn sentences_are_upstreams() {
        let label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
                     end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
        assert_eq!(is_dns1123_label("A"), [label]);
        assert_eq!(is_dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(is_dns1123_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                         must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
                         is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        assert_eq!(is_dns1123_subdomain("A"), [subdomain]);
        assert_eq!(is_qualified_name("A/b"), [format!("prefix part {subdomain}")]);
        assert_eq!(
            is_dns1035_label("1"),
            ["a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
              character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation \
              is '[a-z]([-a-z0-9]*[a-z0-9])?')"]
        );
        let key = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                   character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                   '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        let prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
        assert_eq!(is_qualified_name("a/b/c"), [format!("a valid label key {key} {prefix}")]);
        assert_eq!(is_qualified_name("/-"), ["prefix part must be non-empty".to_owned(), format!("name part {key}")]);
        assert_eq!(is_qualified_name(&"a".repeat(64)), ["name part must be no more than 63 bytes"]);
        assert_eq!(is_prefixed_label_key("a"), ["must include a prefix (e.g. 'example.com/key')"]);
        assert_eq!(is_valid_label_value(&"a".repeat(64)), ["must be no more than 63 bytes"]);
        let port = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        assert_eq!(is_valid_port_name(""), [port, "must contain at least one letter (a-z)"]);
        let hyphens = ["must not contain consecutive hyphens", "must not begin or end with a hyphen"];
        assert_eq!(is_valid_port_name("a--"), hyphens);
        assert_eq!(is_valid_port_num(0), ["must be between 1 and 65535, inclusive"]);
        assert_eq!(is_valid_port_num(65535), [""; 0]);
        assert_eq!(is_valid_user_id(-1), ["must be between 0 and 2147483647, inclusive"]);
        assert_eq!(is_valid_group_id(1 << 31), ["must be between 0 and 2147483647, inclusive"]);
        let percent = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex \
                       used for validation is '[0-9]+%')";
        for value in ["", "%", "1", "1%%", "-1%"] {
            assert_eq!(is_valid_percent(value), [percent]);
        }
        assert_eq!(is_valid_percent("100%"), [""; 0]);
        assert_eq!(is_relaxed_env_var_name(""), ["environment variable name must be non-empty"]);
        assert_eq!(is_valid_path_segment_name("."), ["may not be '.'"]);
        assert_eq!(is_valid_path_segment_name("a/b%"), ["may not contain '/'", "may not contain '%'"]);
        assert_eq!(is_valid_path_segment_prefix(".."), [""; 0]);
        assert_eq!(is_valid_condition_reason("A,b:c_"), [""; 0]);
        assert_ne!(is_valid_condition_reason("1"), [""; 0]);
        assert_ne!(is_valid_condition_reason("A:"), [""; 0]);
    }
}

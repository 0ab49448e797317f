//! A namespace's policy: what its labels ask for.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use howdah_api::validation::{Errors, FieldError, FieldPath};

const PREFIX: &str = "pod-security.kubernetes.io/";

/// How much a pod may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// As of which release a level is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Latest,
    /// `v1.` and this.
    Minor(u32),
}

/// A level as of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standard {
    pub(super) level: Level,
    pub(super) version: Version,
}

/// A standard for each mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) enforce: Standard,
    pub(super) audit: Standard,
    pub(super) warn: Standard,
}

const PRIVILEGED: Standard = Standard { level: Level::Privileged, version: Version::Latest };

impl Policy {
    /// The policy that the labels ask for, and what is wrong with them. What can't be read is strict where it is
    /// enforced, and lenient where it only tells. Without labels all is allowed.
    pub(super) fn of(labels: &BTreeMap<String, String>) -> (Self, Errors) {
        let mut policy = Self { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED };
        let mut errors = Errors::new();
        let mut has_enforce_level = false;
        let label = |name: &str| labels.get(&format!("{PREFIX}{name}")).map(String::as_str);
        if let Some(text) = label("enforce") {
            let level = read(Level::parse(text), "enforce", text, &mut errors);
            has_enforce_level = level.is_some();
            policy.enforce.level = level.unwrap_or(Level::Restricted);
        }
        if let Some(text) = label("audit") {
            policy.audit.level = read(Level::parse(text), "audit", text, &mut errors).unwrap_or(Level::Privileged);
        }
        if let Some(text) = label("warn") {
            policy.warn.level = read(Level::parse(text), "warn", text, &mut errors).unwrap_or(Level::Privileged);
        }
        let versions = [
            ("enforce-version", &mut policy.enforce),
            ("audit-version", &mut policy.audit),
            ("warn-version", &mut policy.warn),
        ];
        for (name, standard) in versions {
            if let Some(text) = label(name) {
                standard.version = read(Version::parse(text), name, text, &mut errors).unwrap_or(Version::Latest);
            }
        }
        if label("warn").is_none() && has_enforce_level && policy.enforce.level > policy.warn.level {
            policy.warn.level = policy.enforce.level;
            if label("warn-version").is_none() {
                policy.warn.version = policy.enforce.version;
            }
        }
        errors.sort_by_key(|error| place(&error.field));
        (policy, errors)
    }

    /// Whether no mode asks for anything.
    pub(super) fn is_fully_privileged(&self) -> bool {
        [self.enforce, self.audit, self.warn].iter().all(|standard| standard.level == Level::Privileged)
    }
}

/// The order in which upstream reads the labels.
fn place(field: &str) -> usize {
    let names = ["enforce]", "enforce-version]", "audit]", "audit-version]", "warn]", "warn-version]"];
    names.iter().position(|name| field.ends_with(&format!("/{name}"))).unwrap_or(names.len())
}

fn read<T>(outcome: Result<T, &'static str>, label: &str, text: &str, errors: &mut Errors) -> Option<T> {
    let metadata = FieldPath::new("metadata");
    let path = metadata.child("labels");
    outcome
        .map_err(|sentence| errors.push(FieldError::invalid(&path.key(&format!("{PREFIX}{label}")), text, sentence)))
        .ok()
}

impl Level {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "privileged" => Ok(Self::Privileged),
            "baseline" => Ok(Self::Baseline),
            "restricted" => Ok(Self::Restricted),
            _ => Err("must be one of privileged, baseline, restricted"),
        }
    }
}

impl Version {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let digits = text.strip_prefix("v1.").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .filter(|digits| *digits == "0" || !digits.starts_with('0'))
            .and_then(|digits| digits.parse().ok())
            .map(Self::Minor)
            .ok_or(r#"must be "latest" or "v1.x""#)
    }
}

impl Standard {
    /// Whether this is the stricter level of the same release.
    pub(super) fn is_tightened_from(&self, old: &Self) -> bool {
        self.version != old.version || self.level.cmp(&old.level) == Ordering::Greater
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.version {
            Version::Latest => write!(f, "{level}:latest"),
            Version::Minor(minor) => write!(f, "{level}:v1.{minor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(labels: &[(&str, &str)]) -> (String, Vec<String>) {
        let labels = labels.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned())).collect();
        let (policy, errors) = Policy::of(&labels);
        let text = format!("{} {} {}", policy.enforce, policy.audit, policy.warn);
        (text, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn labels_make_the_policy() {
        let rows: [(&[(&str, &str)], &str); 6] = [
            (&[], "privileged:latest privileged:latest privileged:latest"),
            (&[("enforce", "baseline")], "baseline:latest privileged:latest baseline:latest"),
            (
                &[("enforce", "restricted"), ("enforce-version", "v1.30")],
                "restricted:v1.30 privileged:latest restricted:v1.30",
            ),
            (
                &[("enforce", "restricted"), ("enforce-version", "v1.30"), ("warn-version", "v1.0")],
                "restricted:v1.30 privileged:latest restricted:v1.0",
            ),
            (
                &[("enforce", "restricted"), ("warn", "privileged")],
                "restricted:latest privileged:latest privileged:latest",
            ),
            (&[("audit", "baseline"), ("audit-version", "v1.9")], "privileged:latest baseline:v1.9 privileged:latest"),
        ];
        for (labels, expected) in rows {
            assert_eq!(policy(labels), (expected.to_owned(), Vec::new()), "{labels:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let (text, errors) = policy(&[
            ("enforce", "x"),
            ("enforce-version", "v1.01"),
            ("audit", "y"),
            ("warn", "z"),
            ("warn-version", "v2"),
        ]);
        assert_eq!(text, "restricted:latest privileged:latest privileged:latest");
        let level = "must be one of privileged, baseline, restricted";
        let version = r#"must be "latest" or "v1.x""#;
        let told = |label: &str, value: &str, sentence: &str| {
            format!(r#"metadata.labels[{PREFIX}{label}]: Invalid value: "{value}": {sentence}"#)
        };
        assert_eq!(
            errors,
            [
                told("enforce", "x", level),
                told("enforce-version", "v1.01", version),
                told("audit", "y", level),
                told("warn", "z", level),
                told("warn-version", "v2", version),
            ]
        );
    }
}

//! ListOptions, of lists, watches and collection deletes.

use std::time::Duration;

use howdah_api::resource::Resource;
use howdah_api::selector::{FieldSelector, LabelSelector};
use howdah_api::validation::{Errors, FieldError, FieldPath};

use super::{check, flag, integer};
use crate::query::Query;
use crate::status::ApiError;

/// `resourceVersionMatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// At this very revision.
    Exact,
    /// At this revision or a later one.
    NotOlderThan,
}

/// The options.
#[derive(Debug, Clone, PartialEq)]
pub struct ListOptions {
    /// Which labels.
    pub labels: LabelSelector,
    /// Which fields, by the names that the objects have.
    pub fields: FieldSelector,
    /// Whether this is a watch.
    pub watch: bool,
    /// Whether a watch carries bookmarks.
    pub bookmarks: bool,
    /// The resourceVersion as it was sent.
    pub resource_version: String,
    /// How it is meant.
    pub matching: Option<Match>,
    /// How long a watch lasts.
    pub timeout: Option<Duration>,
    /// The most objects of a page; zero for all.
    pub limit: usize,
    /// Where the page before ended.
    pub continue_token: String,
    /// Whether a watch begins with what is there.
    pub initial_events: Option<bool>,
}

impl ListOptions {
    /// Reads the query of a request for `resource`. `watch`: the path itself asks for a watch. `name`: the one name
    /// that the path asks for.
    ///
    /// # Errors
    /// 400 where something can't be read, 422 where rules are broken.
    pub fn read(query: &Query, resource: &Resource, watch: bool, name: &str) -> Result<Self, ApiError> {
        let text = |name: &str| query.get(name).unwrap_or_default();
        let refused = |error: String| ApiError::BadRequest(error);
        let labels = LabelSelector::parse(text("labelSelector")).map_err(|error| refused(error.to_string()))?;
        let mut fields = FieldSelector::parse(text("fieldSelector")).map_err(|error| refused(error.to_string()))?;
        let timeout = integer(query, "timeoutSeconds")?;
        let limit = integer(query, "limit")?.unwrap_or_default();
        let watch_flag = query.flag("watch");
        let mut initial_events = flag(query, "sendInitialEvents");
        let mut matching = text("resourceVersionMatch");
        let resource_version = text("resourceVersion").to_owned();
        // A watch from nowhere begins with what is there.
        let from_nowhere = resource_version.is_empty() || resource_version == "0";
        if initial_events.is_none() && matching.is_empty() && watch_flag && from_nowhere {
            initial_events = Some(true);
            matching = "NotOlderThan";
        }
        let continue_token = text("continue").to_owned();
        let errors = match watch_flag {
            true => watch_errors(matching, initial_events, &continue_token),
            false => list_errors(matching, initial_events, &resource_version, &continue_token),
        };
        check("ListOptions", &errors)?;
        fields.resolve(resource).map_err(|error| refused(error.to_string()))?;
        if !name.is_empty() {
            if fields.is_empty() {
                fields = FieldSelector::parse(&format!("metadata.name={name}"))
                    .map_err(|error| refused(error.to_string()))?;
            } else if fields.exact("metadata.name") != Some(name) {
                return Err(refused("fieldSelector metadata.name doesn't match requested name".to_owned()));
            }
        }
        Ok(Self {
            labels,
            fields,
            watch: watch || watch_flag,
            bookmarks: query.flag("allowWatchBookmarks"),
            resource_version,
            matching: match matching {
                "Exact" => Some(Match::Exact),
                "NotOlderThan" => Some(Match::NotOlderThan),
                _ => None,
            },
            timeout: timeout.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs),
            limit: usize::try_from(limit).unwrap_or_default(),
            continue_token,
            initial_events,
        })
    }

    /// Whether everything is selected.
    #[must_use]
    pub fn selects_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
}

const MATCH: FieldPath<'static> = FieldPath::new("resourceVersionMatch");

fn list_errors(matching: &str, initial: Option<bool>, resource_version: &str, continue_token: &str) -> Errors {
    let mut errors = Errors::new();
    if !matching.is_empty() {
        if resource_version.is_empty() {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            errors.push(FieldError::forbidden(&MATCH, detail));
        }
        if !continue_token.is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(FieldError::forbidden(&MATCH, detail));
        }
        if !matches!(matching, "Exact" | "NotOlderThan") {
            errors.push(FieldError::not_supported(&MATCH, matching, &["Exact", "NotOlderThan", ""]));
        }
        if matching == "Exact" && resource_version == "0" {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(FieldError::forbidden(&MATCH, detail));
        }
    }
    if initial.is_some() {
        let path = FieldPath::new("sendInitialEvents");
        errors.push(FieldError::forbidden(&path, "sendInitialEvents is forbidden for list"));
    }
    errors
}

fn watch_errors(matching: &str, initial: Option<bool>, continue_token: &str) -> Errors {
    let mut errors = Errors::new();
    if initial.is_some() && matching != "NotOlderThan" {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden(&MATCH, detail));
    }
    if !matching.is_empty() {
        if initial.is_none() {
            let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(FieldError::forbidden(&MATCH, detail));
        }
        if matching != "NotOlderThan" {
            errors.push(FieldError::not_supported(&MATCH, matching, &["NotOlderThan"]));
        }
        if !continue_token.is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(FieldError::forbidden(&MATCH, detail));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use howdah_api::resource;

    use super::*;

    fn read(query: &str, name: &str) -> Result<ListOptions, String> {
        let pods = resource::by_plural("", "v1", "pods").unwrap();
        let read = ListOptions::read(&Query::parse(query), pods, false, name);
        read.map_err(|error| error.status().message.unwrap_or_default())
    }

    #[test]
    fn refusals_are_upstreams() {
        let invalid = "ListOptions.meta.k8s.io \"\" is invalid: ";
        let rows = [
            (
                "resourceVersionMatch=Exact",
                format!(
                    "{invalid}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
                ),
            ),
            (
                "resourceVersionMatch=Exact&resourceVersion=0",
                format!(
                    "{invalid}resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
                ),
            ),
            (
                "resourceVersionMatch=Some&resourceVersion=1",
                format!(
                    "{invalid}resourceVersionMatch: Unsupported value: \"Some\": supported values: \"Exact\", \"NotOlderThan\", \"\""
                ),
            ),
            (
                "sendInitialEvents=true",
                format!("{invalid}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
            ),
            (
                "watch=1&resourceVersion=5&sendInitialEvents=true",
                format!(
                    "{invalid}resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                ),
            ),
            ("limit=x", r#"strconv.ParseInt: parsing "x": invalid syntax"#.to_owned()),
            ("fieldSelector=spec.foo%3D1", "field label not supported: spec.foo".to_owned()),
        ];
        for (query, expected) in rows {
            assert_eq!(read(query, ""), Err(expected), "{query}");
        }
    }

    #[test]
    fn a_name_is_a_selector() {
        let options = read("", "p").unwrap();
        assert_eq!(options.fields.exact("metadata.name"), Some("p"));
        assert!(read("fieldSelector=metadata.name%3Dp", "p").is_ok());
        let expected = "fieldSelector metadata.name doesn't match requested name".to_owned();
        assert_eq!(read("fieldSelector=metadata.name%3Dq", "p"), Err(expected));
    }

    #[test]
    fn a_watch_from_nowhere_begins_with_what_is_there() {
        for query in ["watch=1", "watch=true&resourceVersion=0"] {
            assert_eq!(read(query, "").unwrap().initial_events, Some(true), "{query}");
        }
        assert_eq!(read("watch=1&resourceVersion=5", "").unwrap().initial_events, None);
    }
}

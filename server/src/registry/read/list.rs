//! Which objects a list has: from the cache at its newest, from the store at an old revision.

use std::sync::Arc;

use howdah_api::KeyPrefix;
use howdah_store::{At, List, Page, ReadError, Revision};

use super::continue_token::{self, Place};
use super::{filter, freshness, revision, scope};
use crate::hub::{Entry, Filter, Scope};
use crate::registry::call::Call;
use crate::registry::option::{ListOptions, Match};
use crate::registry::source::read_error;
use crate::status::ApiError;

/// The most objects that are read from the store at once, while selectors pass most of them over.
const MOST_AT_ONCE: usize = 10_000;

/// The objects of a list.
pub(in crate::registry) struct Found {
    /// As of when.
    pub(in crate::registry) revision: Revision,
    /// The objects, in the order of their keys.
    pub(in crate::registry) entries: Vec<Arc<Entry>>,
    /// Where the next page begins; empty behind the last one.
    pub(in crate::registry) continue_token: String,
    /// How many objects are behind this page, where that is known.
    pub(in crate::registry) remaining: Option<u64>,
}

/// How a list is to be answered.
#[derive(Debug, PartialEq)]
enum Way {
    /// From the cache, behind this place, at most so many.
    Newest { after: Option<Place>, limit: usize },
    /// From the store at this revision.
    Exact { at: Revision, after: Option<Place> },
}

/// Finds the objects that the options select.
pub(in crate::registry) async fn find(call: &Call<'_>, options: &ListOptions) -> Result<Found, ApiError> {
    let served = call.served();
    let scope = scope(call, options);
    let namespace = match &scope {
        Scope::All => "",
        Scope::Namespace(namespace) => namespace,
        Scope::Object { namespace, .. } => namespace.as_deref().unwrap_or_default(),
    };
    let prefix = served.prefix(namespace)?;
    // What tokens count from is the path's list, whatever its selectors narrow.
    let whole = served.prefix(call.route.namespace)?;
    let filter = filter(options);
    match way(options, &whole)? {
        Way::Newest { after, limit } => newest(call, options, (&prefix, &whole), &filter, after, limit).await,
        Way::Exact { at, after } => exact(call, options, &whole, &filter, at, after).await,
    }
}

fn way(options: &ListOptions, prefix: &KeyPrefix) -> Result<Way, ApiError> {
    let text = options.resource_version.as_str();
    if !options.continue_token.is_empty() {
        let token = continue_token::decode(&options.continue_token)?;
        if !matches!(text, "" | "0") {
            let message = "specifying resource version is not allowed when using continue";
            return Err(ApiError::BadRequest(message.to_owned()));
        }
        let place = token.place(prefix)?;
        return Ok(match place.revision {
            Some(at) => Way::Exact { at, after: Some(place) },
            None => Way::Newest { after: Some(place), limit: options.limit },
        });
    }
    // What a list says of a resourceVersion has a head of its own.
    let revision = |text: &str| {
        revision(text).map_err(|error| match error {
            ApiError::Unforeseen(why) => ApiError::BadRequest(format!("invalid resource version: {why}")),
            error => error,
        })
    };
    match (text, options.matching) {
        ("" | "0", None | Some(Match::NotOlderThan)) => {
            // A list of whatever is at hand is never cut into pages.
            let limit = if text == "0" { 0 } else { options.limit };
            Ok(Way::Newest { after: None, limit })
        }
        (text, Some(Match::Exact)) => Ok(Way::Exact { at: revision(text)?, after: None }),
        (text, None) if options.limit > 0 => Ok(Way::Exact { at: revision(text)?, after: None }),
        (text, _) => {
            revision(text)?;
            Ok(Way::Newest { after: None, limit: options.limit })
        }
    }
}

async fn newest(
    call: &Call<'_>,
    options: &ListOptions,
    (prefix, whole): (&KeyPrefix, &KeyPrefix),
    filter: &Filter,
    after: Option<Place>,
    limit: usize,
) -> Result<Found, ApiError> {
    let cache = call.registry.source.cache(call.served().stored);
    let asked = if after.is_some() { "" } else { options.resource_version.as_str() };
    cache.fresh(freshness(asked)?, call.deadline).await?;
    let listing = cache.list(prefix);
    let all = listing.entries;
    let from = after.map_or(0, |place| all.partition_point(|entry| *entry.key() <= place.after));
    let behind = all.len() - from;
    let selected = all.into_iter().skip(from).filter(|entry| filter.matches(entry));
    let mut entries: Vec<Arc<Entry>> =
        if limit == 0 { selected.collect() } else { selected.take(limit.saturating_add(1)).collect() };
    let more = limit > 0 && entries.len() > limit;
    if more {
        entries.truncate(limit);
    }
    let remaining = (more && options.selects_all()).then(|| (behind - entries.len()) as u64);
    let continue_token = match entries.last().filter(|_| more) {
        Some(last) => continue_token::encode(last.key(), whole, Some(listing.revision)),
        None => String::new(),
    };
    Ok(Found { revision: listing.revision, entries, continue_token, remaining })
}

async fn exact(
    call: &Call<'_>,
    options: &ListOptions,
    prefix: &KeyPrefix,
    filter: &Filter,
    at: Revision,
    after: Option<Place>,
) -> Result<Found, ApiError> {
    let store = call.registry.source.store();
    let continued = after.is_some();
    let mut after = after.map(|place| place.after);
    let mut entries: Vec<Arc<Entry>> = Vec::new();
    let mut page_size = options.limit;
    loop {
        let list = List {
            prefix: prefix.clone(),
            at: At::Exact(at),
            after: after.clone(),
            limit: (page_size > 0).then_some(page_size),
        };
        let page = store.list(list).await.map_err(|error| expired(&error, after.as_ref(), prefix, continued))?;
        let Page { objects, remaining, .. } = page;
        let full = |entries: &Vec<Arc<Entry>>| options.limit > 0 && entries.len() >= options.limit;
        let mut left = objects.len() as u64 + remaining;
        for object in objects {
            if full(&entries) {
                break;
            }
            left -= 1;
            after = Some(object.key.clone());
            let entry = Entry::new(object.key, object.revision, object.wire);
            if filter.matches(&entry) {
                entries.push(Arc::new(entry));
            }
        }
        if left == 0 || full(&entries) {
            let last = after.as_ref().filter(|_| left > 0);
            let continue_token = last.map(|last| continue_token::encode(last, prefix, Some(at))).unwrap_or_default();
            let remaining = (left > 0 && options.selects_all()).then_some(left);
            return Ok(Found { revision: at, entries, continue_token, remaining });
        }
        // Selectors pass most of them over: take larger steps.
        page_size = page_size.saturating_mul(2).min(MOST_AT_ONCE);
    }
}

/// A failed read; one whose token has expired is given a token that goes on at the newest state.
fn expired(error: &ReadError, after: Option<&howdah_api::Key>, prefix: &KeyPrefix, continued: bool) -> ApiError {
    const INCONSISTENT: &str = "The provided continue parameter is too old to display a consistent list result. You can \
        start a new list without the continue parameter, or use the continue token in this response to retrieve the \
        remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were \
        created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
    match (error, after) {
        (ReadError::Compacted { .. }, Some(after)) if continued => {
            ApiError::expired_with(INCONSISTENT, continue_token::encode(after, prefix, None))
        }
        (error, _) => read_error(error),
    }
}

#[cfg(test)]
mod tests {
    use howdah_api::resource;

    use super::*;
    use crate::query::Query;

    fn options(query: &str) -> ListOptions {
        let pods = resource::by_plural("", "v1", "pods").unwrap();
        ListOptions::read(&Query::parse(query), pods, false, "").unwrap()
    }

    #[test]
    fn the_resource_version_decides_the_way() {
        let prefix = KeyPrefix::new("", "pods", None).unwrap();
        let at = |number: i64| Revision::new(number).unwrap();
        let newest = |limit: usize| Ok(Way::Newest { after: None, limit });
        let exact = |number: i64| Ok(Way::Exact { at: at(number), after: None });
        let rows = [
            ("", newest(0)),
            ("limit=5", newest(5)),
            ("resourceVersion=0&limit=5", newest(0)),
            ("resourceVersion=7", newest(0)),
            ("resourceVersion=7&limit=5", exact(7)),
            ("resourceVersion=7&resourceVersionMatch=Exact", exact(7)),
            ("resourceVersion=7&resourceVersionMatch=NotOlderThan&limit=5", newest(5)),
        ];
        for (query, expected) in rows {
            assert_eq!(way(&options(query), &prefix), expected, "{query}");
        }
        let key = howdah_api::Key::new("", "pods", Some("ns"), "p").unwrap();
        let token = continue_token::encode(&key, &prefix, Some(at(7)));
        let Ok(Way::Exact { at: found, after: Some(place) }) = way(&options(&format!("continue={token}")), &prefix)
        else {
            panic!("a continued list is one at its revision")
        };
        assert_eq!((found, place.after), (at(7), key));
        let refused = way(&options(&format!("continue={token}&resourceVersion=7")), &prefix);
        let message = "specifying resource version is not allowed when using continue".to_owned();
        assert_eq!(refused, Err(ApiError::BadRequest(message)));
        let refused = way(&options("resourceVersion=x"), &prefix);
        let why = r#"resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax"#;
        assert_eq!(refused, Err(ApiError::BadRequest(format!("invalid resource version: {why}"))));
    }
}

//! The parameters of operations.

use howdah_api::schema::{Scalar, Shape, builtin};

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// `query` or `path`.
    pub(super) place: &'static str,
    /// `string`, `integer` or `boolean`.
    pub(super) kind: &'static str,
    pub(super) description: String,
}

impl Parameter {
    fn new(place: &'static str, name: &str, kind: &'static str, description: &str) -> Self {
        Self { name: name.to_owned(), place, kind, description: description.to_owned() }
    }

    pub(super) fn name_of(kind: &str) -> Self {
        Self::new("path", "name", "string", &format!("name of the {kind}"))
    }

    pub(super) fn namespace() -> Self {
        Self::new("path", "namespace", "string", "The namespace that the object is in.")
    }

    pub(super) fn path() -> Self {
        Self::new("path", "path", "string", "The path behind the proxy.")
    }

    pub(super) fn pretty() -> Self {
        query("pretty", "string", "If 'true', the answer is indented. Browsers, curl and wget get it so unasked.")
    }
}

fn query(name: &str, kind: &'static str, description: &str) -> Parameter {
    Parameter::new("query", name, kind, description)
}

fn dry_run() -> Parameter {
    query("dryRun", "string", "If 'All', the request goes through all stages but nothing is stored.")
}

/// What lists, watches and deletions of collections take.
pub(super) fn of_list(watch: bool) -> Vec<Parameter> {
    let mut all = Vec::new();
    if watch {
        all.push(query(
            "allowWatchBookmarks",
            "boolean",
            "Whether a watch may send BOOKMARK events, which tell how far it is.",
        ));
    }
    all.extend([
        query("continue", "string", "Where the next page begins: the token of the page before."),
        query("fieldSelector", "string", "Fields that the objects have to have, such as metadata.name=x."),
        query("labelSelector", "string", "Labels that the objects have to have."),
        query("limit", "integer", "How many objects a page has at most; more follow with the token in its metadata."),
        query(
            "resourceVersion",
            "string",
            "The state of which the request asks: this version, or one at least as new.",
        ),
        query("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
        query("sendInitialEvents", "boolean", "Whether a watch begins with an ADDED event for each object there is."),
        query("timeoutSeconds", "integer", "After how many seconds the request ends."),
    ]);
    if watch {
        all.push(query("watch", "boolean", "Whether changes are sent as they happen, instead of a list."));
    }
    all
}

/// What creates and updates take; patches (`force`) take more.
pub(super) fn of_write(force: bool) -> Vec<Parameter> {
    let mut all = vec![
        dry_run(),
        query(
            "fieldManager",
            "string",
            "Who makes the change: the name under which it owns fields. Applying needs it.",
        ),
        query(
            "fieldValidation",
            "string",
            "What becomes of unknown and duplicate fields: Ignore, Warn (the default) or Strict.",
        ),
    ];
    if force {
        all.push(query("force", "boolean", "Whether applying takes over fields that others own."));
    }
    all
}

/// What deletions take.
pub(super) fn of_delete() -> Vec<Parameter> {
    vec![
        dry_run(),
        query("gracePeriodSeconds", "integer", "After how many seconds the object is deleted; 0 means at once."),
        query(
            "ignoreStoreReadErrorWithClusterBreakingPotential",
            "boolean",
            "Whether an object that can't be read any more is deleted, without regard to finalizers.",
        ),
        query("orphanDependents", "boolean", "Older form of propagationPolicy: whether dependents stay."),
        query("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
    ]
}

/// The options of what is connected to (`PodExecOptions`), as parameters: its fields that are scalars, or lists of them.
pub(super) fn of_options(group: &str, version: &str, kind: &str) -> Vec<Parameter> {
    let Some(of) = builtin::kind(group, version, kind).and_then(|node| node.as_struct()) else { return Vec::new() };
    let kind_of = |shape: &Shape| match shape {
        Shape::Scalar(Scalar::String) => Some("string"),
        Shape::Scalar(Scalar::Bool) => Some("boolean"),
        Shape::Scalar(Scalar::Int32 | Scalar::Int64) => Some("integer"),
        _ => None,
    };
    let fields = of.fields.iter().filter(|field| !matches!(&*field.name, "kind" | "apiVersion"));
    let parameters = fields.filter_map(|field| {
        let kind = match &field.node.shape {
            Shape::List(list) => kind_of(&list.element.shape),
            shape => kind_of(shape),
        };
        let text = super::description::of_field(&super::name::definition(&of.package, &of.name), &field.name);
        Some(query(&field.name, kind?, text.unwrap_or_default()))
    });
    parameters.collect()
}

//! What can be done at which path, for both versions of OpenAPI.
//!
//! Upstream: `pkg/endpoints/installer.go` of k8s.io/apiserver.

use howdah_api::resource::{GroupVersion, Resource, Subresource, Verb};

use super::form::{Answer, Body, Form, Type};
use super::name;
use super::parameter::{self, Parameter};

/// A path and what can be done there.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) path: String,
    /// The parameters that all operations have in common.
    pub(super) parameters: Vec<Parameter>,
    pub(super) operations: Vec<Operation>,
}

/// One method of a path.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// In small letters: `get`.
    pub(super) method: &'static str,
    pub(super) id: String,
    pub(super) description: String,
    /// `x-kubernetes-action`; empty for what is not about a resource.
    pub(super) action: &'static str,
    /// `x-kubernetes-group-version-kind`.
    pub(super) kind: Option<(GroupVersion, String)>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Body,
    /// Codes and what they carry.
    pub(super) answers: Vec<(u16, Answer)>,
    pub(super) form: Form,
}

/// `/api/v1` or `/apis/G/V`.
pub(super) fn prefix(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// All paths of a group version.
pub(super) fn paths(group: &str, version: &str, resources: &[Resource]) -> Vec<Path> {
    let mut paths = vec![root(group, version)];
    for resource in resources {
        let maker = Maker::new(resource);
        maker.collection(&mut paths);
        maker.object(&mut paths);
        maker.watches(&mut paths);
        for below in &resource.subresources {
            maker.subresource(below, &mut paths);
        }
    }
    paths.retain(|path| !path.operations.is_empty());
    paths.iter_mut().for_each(share);
    paths
}

/// The list of the group version's resources.
fn root(group: &str, version: &str) -> Path {
    let id = format!("get{}APIResources", name::operation(group, version));
    discovery(&prefix(group, version), id, "get available resources", "APIResourceList")
}

/// The path of a group: its versions. That of the core group is `/api/`.
pub(super) fn group(name: &str) -> Path {
    if name.is_empty() {
        return discovery("/api", "getCoreAPIVersions".to_owned(), "get available API versions", "APIVersions");
    }
    let id = format!("get{}APIGroup", name::operation(name, ""));
    discovery(&format!("/apis/{name}"), id, "get information of a group", "APIGroup")
}

/// The path of all groups but the core one.
pub(super) fn groups() -> Path {
    discovery("/apis", "getAPIVersions".to_owned(), "get available API versions", "APIGroupList")
}

/// A path of discovery, which answers a type of `meta/v1`.
fn discovery(path: &str, id: String, description: &str, answer: &'static str) -> Path {
    let operation = Operation {
        method: "get",
        id,
        description: description.to_owned(),
        action: "",
        kind: None,
        parameters: Vec::new(),
        body: Body::Nothing,
        answers: vec![(200, Answer::Type(Type::Meta(answer)))],
        form: Form::Object,
    };
    Path { path: format!("{path}/"), parameters: Vec::new(), operations: vec![operation] }
}

/// Moves what all operations have in common to the path.
fn share(path: &mut Path) {
    let Some((first, others)) = path.operations.split_first() else { return };
    let common = |one: &&Parameter| others.iter().all(|operation| operation.parameters.contains(one));
    let mut shared: Vec<Parameter> = first.parameters.iter().filter(common).cloned().collect();
    for operation in &mut path.operations {
        operation.parameters.retain(|one| !shared.contains(one));
        operation.parameters.sort_by(|a, b| a.name.cmp(&b.name));
    }
    shared.sort_by(|a, b| a.name.cmp(&b.name));
    path.parameters = shared;
}

/// Makes the paths of one resource.
struct Maker<'a> {
    of: &'a Resource,
    prefix: String,
    /// `AppsV1`.
    place: String,
    /// `Namespaced`, or nothing.
    scope: &'static str,
    kind: Type,
}

impl<'a> Maker<'a> {
    fn new(of: &'a Resource) -> Self {
        Self {
            of,
            prefix: prefix(&of.group, &of.version),
            place: name::operation(&of.group, &of.version),
            scope: if of.namespaced { "Namespaced" } else { "" },
            kind: Type::Kind(of.group_version(), of.kind.to_string()),
        }
    }

    fn at(&self, watch: bool, all: bool) -> String {
        let watch = if watch { "/watch" } else { "" };
        let namespace = if self.of.namespaced && !all { "/namespaces/{namespace}" } else { "" };
        format!("{}{watch}{namespace}/{}", self.prefix, self.of.plural)
    }

    /// An operation on objects of the resource's own kind.
    fn operation(&self, method: &'static str, action: &'static str, id: String, description: String) -> Operation {
        let mut parameters = vec![Parameter::pretty()];
        if self.of.namespaced && !id.ends_with("ForAllNamespaces") {
            parameters.push(Parameter::namespace());
        }
        Operation {
            method,
            id,
            description,
            action,
            kind: Some((self.of.group_version(), self.of.kind.to_string())),
            parameters,
            body: Body::Nothing,
            answers: Vec::new(),
            form: Form::Object,
        }
    }

    fn answers(of: &Type, codes: &[u16]) -> Vec<(u16, Answer)> {
        codes.iter().map(|code| (*code, Answer::Type(of.clone()))).collect()
    }

    fn collection(&self, out: &mut Vec<Path>) {
        let (place, scope, kind) = (&self.place, self.scope, &self.of.kind);
        let mut operations = Vec::new();
        if self.of.has(Verb::List) {
            operations.push(self.list(format!("list{place}{scope}{kind}")));
        }
        if self.of.has(Verb::Create) {
            let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
            let id = format!("create{place}{scope}{kind}");
            let mut operation = self.operation("post", "post", id, format!("create {article} {kind}"));
            operation.parameters.extend(parameter::of_write(false));
            operation.body = Body::Kind(self.kind.clone());
            operation.answers = Self::answers(&self.kind, &[200, 201, 202]);
            operations.push(operation);
        }
        if self.of.has(Verb::DeleteCollection) {
            let id = format!("delete{place}Collection{scope}{kind}");
            let text = format!("delete collection of {kind}");
            let mut operation = self.operation("delete", "deletecollection", id, text);
            operation.parameters.extend(parameter::of_list(false));
            operation.parameters.extend(parameter::of_delete());
            operation.body = Body::DeleteOptions;
            operation.answers = Self::answers(&Type::Meta("Status"), &[200]);
            operations.push(operation);
        }
        out.push(Path { path: self.at(false, false), parameters: Vec::new(), operations });
        if self.of.namespaced && self.of.has(Verb::List) {
            let operations = vec![self.list(format!("list{place}{kind}ForAllNamespaces"))];
            out.push(Path { path: self.at(false, true), parameters: Vec::new(), operations });
        }
    }

    fn list(&self, id: String) -> Operation {
        let watched = if self.of.has(Verb::Watch) { "list or watch" } else { "list" };
        let mut operation = self.operation("get", "list", id, format!("{watched} objects of kind {}", self.of.kind));
        operation.parameters.extend(parameter::of_list(true));
        let list = Type::Kind(self.of.group_version(), self.of.list_kind.to_string());
        operation.answers = Self::answers(&list, &[200]);
        operation.form = Form::Stream;
        operation
    }

    fn object(&self, out: &mut Vec<Path>) {
        let path = format!("{}/{{name}}", self.at(false, false));
        let mut operations = self.rest(&self.of.verbs, &self.kind, "");
        if self.of.has(Verb::Delete) {
            let id = format!("delete{}{}{}", self.place, self.scope, self.of.kind);
            let article = if self.of.kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
            let text = format!("delete {article} {}", self.of.kind);
            let mut operation = self.operation("delete", "delete", id, text);
            operation.parameters.push(Parameter::name_of(&self.of.kind));
            operation.parameters.extend(parameter::of_delete());
            operation.body = Body::DeleteOptions;
            let answer = if returns_deleted(self.of) { self.kind.clone() } else { Type::Meta("Status") };
            operation.answers = Self::answers(&answer, &[200, 202]);
            operations.push(operation);
        }
        out.push(Path { path, parameters: Vec::new(), operations });
    }

    /// Reading, replacing and patching an object, or a subresource of it (`below`) of the given type.
    fn rest(&self, verbs: &[Verb], of: &Type, below: &str) -> Vec<Operation> {
        let (kind, suffix) = (&self.of.kind, name::capital(below));
        let subject = if below.is_empty() { String::new() } else { format!("{below} of ") };
        let make = |method: &'static str, word: &str, text: &str| {
            let id = format!("{word}{}{}{kind}{suffix}", self.place, self.scope);
            let mut operation = self.operation(method, method, id, format!("{text} {subject}the specified {kind}"));
            operation.parameters.push(Parameter::name_of(kind));
            if let Type::Kind(version, kind) = of {
                operation.kind = Some((version.clone(), kind.clone()));
            }
            operation
        };
        let mut operations = Vec::new();
        if verbs.contains(&Verb::Get) {
            operations.push(Operation { answers: Self::answers(of, &[200]), ..make("get", "read", "read") });
        }
        if verbs.contains(&Verb::Update) {
            let mut operation = make("put", "replace", "replace");
            operation.parameters.extend(parameter::of_write(false));
            operation.body = Body::Kind(of.clone());
            operation.answers = Self::answers(of, &[200, 201]);
            operations.push(operation);
        }
        if verbs.contains(&Verb::Patch) {
            let mut operation = make("patch", "patch", "partially update");
            operation.parameters.extend(parameter::of_write(true));
            operation.body = Body::Patch;
            operation.answers = Self::answers(of, &[200, 201]);
            operations.push(operation);
        }
        operations
    }

    /// The older paths of watches.
    fn watches(&self, out: &mut Vec<Path>) {
        if !self.of.has(Verb::Watch) {
            return;
        }
        let (place, scope, kind) = (&self.place, self.scope, &self.of.kind);
        let instead = "deprecated: use the 'watch' parameter with a list operation instead";
        let list = format!("watch individual changes to a list of {kind}. {instead}.");
        let single = format!(
            "watch changes to an object of kind {kind}. {instead}, filtered to a single item with the 'fieldSelector' \
             parameter."
        );
        let mut push = |path: String, action: &'static str, id: String, text: &str| {
            let mut operation = self.operation("get", action, id, text.to_owned());
            operation.parameters.extend(parameter::of_list(true));
            if action == "watch" {
                operation.parameters.push(Parameter::name_of(kind));
            }
            operation.answers = Self::answers(&Type::Meta("WatchEvent"), &[200]);
            operation.form = Form::Stream;
            out.push(Path { path, parameters: Vec::new(), operations: vec![operation] });
        };
        push(self.at(true, false), "watchlist", format!("watch{place}{scope}{kind}List"), &list);
        if self.of.namespaced {
            push(self.at(true, true), "watchlist", format!("watch{place}{kind}ListForAllNamespaces"), &list);
        }
        push(format!("{}/{{name}}", self.at(true, false)), "watch", format!("watch{place}{scope}{kind}"), &single);
    }

    fn subresource(&self, below: &Subresource, out: &mut Vec<Path>) {
        let path = format!("{}/{{name}}/{}", self.at(false, false), below.name);
        if below.kind.ends_with("Options") {
            let proxies = below.kind.ends_with("ProxyOptions");
            out.push(self.connect(below, path.clone(), false));
            if proxies {
                out.push(self.connect(below, format!("{path}/{{path}}"), true));
            }
            return;
        }
        let of = Type::Kind(below.version.clone(), below.kind.to_string());
        let mut operations = self.rest(&below.verbs, &of, &below.name);
        if below.verbs.contains(&Verb::Create) {
            let (kind, suffix) = (&self.of.kind, name::capital(&below.name));
            let id = format!("create{}{}{kind}{suffix}", self.place, self.scope);
            let mut operation = self.operation("post", "post", id, format!("create {} of a {kind}", below.name));
            operation.kind = Some((below.version.clone(), below.kind.to_string()));
            operation.parameters.push(Parameter::name_of(&below.kind));
            operation.parameters.extend(parameter::of_write(false));
            operation.body = Body::Kind(of.clone());
            operation.answers = Self::answers(&of, &[200, 201, 202]);
            operations.push(operation);
        }
        if below.name == "log" {
            for operation in &mut operations {
                operation.parameters.extend(parameter::of_options("", "v1", "PodLogOptions"));
                operation.answers = vec![(200, Answer::Text)];
                operation.form = Form::Log;
            }
        }
        out.push(Path { path, parameters: Vec::new(), operations });
    }

    /// What is connected to: exec and its like by GET and POST, proxies by all methods.
    fn connect(&self, below: &Subresource, path: String, with_path: bool) -> Path {
        let methods: &[&'static str] = if below.kind.ends_with("ProxyOptions") {
            &["delete", "get", "head", "options", "patch", "post", "put"]
        } else {
            &["get", "post"]
        };
        let tail = if with_path { "WithPath" } else { "" };
        let (place, scope, kind, suffix) = (&self.place, self.scope, &self.of.kind, name::capital(&below.name));
        let operations = methods.iter().map(|method| {
            let id = format!("connect{place}{}{scope}{kind}{suffix}{tail}", name::capital(method));
            let text = format!("connect {} requests to {} of {kind}", method.to_uppercase(), below.name);
            let mut operation = self.operation(method, "connect", id, text);
            operation.kind = Some((below.version.clone(), below.kind.to_string()));
            operation.parameters.retain(|one| one.name != "pretty");
            operation.parameters.push(Parameter::name_of(&below.kind));
            let version = &below.version;
            operation.parameters.extend(parameter::of_options(&version.group, &version.version, &below.kind));
            if with_path {
                operation.parameters.push(Parameter::path());
            }
            operation.answers = vec![(200, Answer::Text)];
            operation.form = Form::Anything;
            operation
        });
        Path { path, parameters: Vec::new(), operations: operations.collect() }
    }
}

/// Whether a deletion answers with the object instead of a `Status`.
fn returns_deleted(of: &Resource) -> bool {
    match &*of.group {
        "" => matches!(
            &*of.plural,
            "persistentvolumeclaims"
                | "persistentvolumes"
                | "pods"
                | "podtemplates"
                | "resourcequotas"
                | "serviceaccounts"
                | "services"
        ),
        "resource.k8s.io" => !(of.plural == "devicetaintrules" && of.version == "v1"),
        "storage.k8s.io" => of.plural != "csistoragecapacities",
        _ => false,
    }
}

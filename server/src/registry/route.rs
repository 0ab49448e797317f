//! From what is asked for to who answers it: the resource's row, its subresource, the action.
//!
//! Pure. What is served are the rows of the resource table whose stored form has a strategy, and the rows that are
//! never stored: reviews, and the binding of pods. Anything else is 404; a method that the path doesn't have is 405.

use std::sync::LazyLock;

use actix_web::http::Method;
use howdah_api::kind::{Strategy, strategy};
use howdah_api::resource::{self, Resource, Subresource, Verb};
use howdah_api::schema::{Node, builtin};
use howdah_api::{Key, KeyPrefix};

use crate::request_info::RequestInfo;
use crate::status::{ApiError, Subject};

/// How a resource is served.
#[derive(Clone, Copy)]
pub enum Service {
    /// Its objects are stored.
    Stored(&'static dyn Strategy),
    /// A question that is answered and not kept.
    Review,
    /// `POST …/bindings`: the old way to bind a pod.
    Binding,
}

/// A resource that is served, in one version.
pub struct Served {
    /// Its row.
    pub row: &'static Resource,
    /// The schema of its kind.
    pub node: &'static Node,
    /// The row of the form that is stored.
    pub stored: &'static Resource,
    /// The schema of the form that is stored.
    pub stored_node: &'static Node,
    /// How it is served.
    pub service: Service,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the API's words")]
pub enum Action {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub struct Route<'r> {
    /// The resource.
    pub served: &'static Served,
    /// The subresource.
    pub subresource: Option<&'static Subresource>,
    /// What is done.
    pub action: Action,
    /// The namespace in the path; empty for all, and for cluster-wide resources.
    pub namespace: &'r str,
    /// The name in the path; empty for a collection.
    pub name: &'r str,
}

/// The subresources that the registry serves itself; what is connected to (exec, logs, proxies) belongs to others.
const SUBRESOURCES: [&str; 9] =
    ["binding", "ephemeralcontainers", "eviction", "finalize", "resize", "scale", "status", "token", "approval"];

static SERVED: LazyLock<Vec<Served>> = LazyLock::new(|| resource::resources().iter().filter_map(Served::new).collect());

/// All that is served, in the resource table's order.
#[must_use]
pub fn all() -> &'static [Served] {
    &SERVED
}

/// The resource with this plural, where it is served.
#[must_use]
pub fn by_plural(group: &str, version: &str, plural: &str) -> Option<&'static Served> {
    SERVED
        .iter()
        .find(|served| served.row.plural == plural && served.row.version == version && served.row.group == group)
}

impl Served {
    fn new(row: &'static Resource) -> Option<Self> {
        let stored = resource::by_plural(&row.storage.group, &row.storage.version, &row.plural)?;
        let service = match (&*row.group, &*row.plural) {
            ("authentication.k8s.io" | "authorization.k8s.io", _) => Service::Review,
            ("", "bindings") => strategy("", "pods").map(|_| Service::Binding)?,
            // Versions of another group may have rules of their own.
            _ => {
                Service::Stored(strategy(&row.group, &row.plural).or_else(|| strategy(&stored.group, &stored.plural))?)
            }
        };
        let node = builtin::kind(&row.group, &row.version, &row.kind)?;
        let stored_node = builtin::kind(&stored.group, &stored.version, &stored.kind)?;
        Some(Self { row, node, stored, stored_node, service })
    }

    /// Whether the registry serves this subresource.
    #[must_use]
    pub fn serves(&self, subresource: &str) -> bool {
        SUBRESOURCES.contains(&subresource) && self.row.subresource(subresource).is_some()
    }

    /// The strategy.
    ///
    /// # Errors
    /// 405 for what isn't stored.
    pub fn strategy(&self) -> Result<&'static dyn Strategy, ApiError> {
        match self.service {
            Service::Stored(strategy) => Ok(strategy),
            Service::Review | Service::Binding => Err(ApiError::MethodNotAllowed),
        }
    }

    /// An object of it, as errors name it.
    #[must_use]
    pub fn subject(&self, name: &str) -> Subject {
        Subject { group: self.row.group.to_string(), resource: self.row.plural.to_string(), name: name.to_owned() }
    }

    /// An object of it, as errors about preconditions name it: by the kind.
    #[must_use]
    pub fn kind_subject(&self, name: &str) -> Subject {
        Subject { resource: self.row.kind.to_string(), ..self.subject(name) }
    }

    /// The `apiVersion` that requests and answers have.
    #[must_use]
    pub fn api_version(&self) -> String {
        self.row.group_version().to_string()
    }

    /// Whether the stored form is another version's.
    #[must_use]
    pub fn is_converted(&self) -> bool {
        (&self.row.group, &self.row.version) != (&self.stored.group, &self.stored.version)
    }

    /// The key of an object.
    ///
    /// # Errors
    /// 400 where the name can't be part of a key.
    pub fn key(&self, namespace: &str, name: &str) -> Result<Key, ApiError> {
        let namespace = self.row.namespaced.then_some(namespace);
        Key::new(&self.stored.group, &self.stored.plural, namespace, name)
            .map_err(|_| ApiError::BadRequest(format!("Name parameter invalid: {}", howdah_api::go::quote(name))))
    }

    /// The beginning of the keys of all objects, or of those in one namespace.
    ///
    /// # Errors
    /// 400 where the namespace can't be part of a key.
    pub fn prefix(&self, namespace: &str) -> Result<KeyPrefix, ApiError> {
        let namespace = Some(namespace).filter(|namespace| self.row.namespaced && !namespace.is_empty());
        KeyPrefix::new(&self.stored.group, &self.stored.plural, namespace)
            .map_err(|_| ApiError::BadRequest("Namespace parameter invalid".to_owned()))
    }
}

impl<'r> Route<'r> {
    /// Finds the way of a request.
    ///
    /// # Errors
    /// 404 where the path isn't served, 405 where the method isn't.
    pub fn find(info: &'r RequestInfo, method: &Method) -> Result<Self, ApiError> {
        let right_prefix = (info.api_prefix == "api") == info.api_group.is_empty();
        let found = by_plural(&info.api_group, &info.api_version, &info.resource).filter(|_| right_prefix);
        let served = found.ok_or_else(|| match all().iter().any(|served| served.row.group == *info.api_group) {
            true => ApiError::UnknownResource,
            // Nobody has taken on such paths.
            false => ApiError::UnknownPath,
        })?;
        let part = |at: usize| info.parts.get(at).map_or("", String::as_str);
        let name = part(1);
        if info.parts.len() > 3 || (info.parts.len() > 1 && name.is_empty()) {
            return Err(ApiError::UnknownResource);
        }
        // The path of a namespace names it as namespace and as object.
        let is_namespace = info.resource == "namespaces" && info.api_group.is_empty();
        let namespace = if is_namespace { "" } else { info.namespace.as_str() };
        if !served.row.namespaced && !namespace.is_empty() {
            return Err(ApiError::UnknownResource);
        }
        let subresource = match part(2) {
            "" => None,
            name if served.serves(name) => served.row.subresource(name),
            _ => return Err(ApiError::UnknownResource),
        };
        let all_namespaces = served.row.namespaced && namespace.is_empty();
        // Single objects are only found through their namespace.
        if all_namespaces && (!name.is_empty()) && info.verb != "watch" {
            return Err(ApiError::UnknownResource);
        }
        let action = action(&info.verb, method, name, subresource.is_some()).ok_or(ApiError::MethodNotAllowed)?;
        let collection = matches!(action, Action::Create | Action::DeleteCollection) && subresource.is_none();
        let offered = match subresource {
            Some(subresource) => subresource.verbs.contains(&action.verb()),
            None => served.row.has(action.verb()) && !(collection && all_namespaces),
        };
        if !offered {
            return Err(ApiError::MethodNotAllowed);
        }
        Ok(Self { served, subresource, action, namespace, name })
    }

    /// The subresource's name; empty for the object itself.
    #[must_use]
    pub fn subresource_name(&self) -> &'static str {
        self.subresource.map_or("", |subresource| &subresource.name)
    }

    /// The name of what is written, in errors.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.served.subject(self.name)
    }
}

impl Action {
    /// The verb that the resource table lists for it.
    #[must_use]
    pub const fn verb(self) -> Verb {
        match self {
            Self::Get => Verb::Get,
            Self::List => Verb::List,
            Self::Watch => Verb::Watch,
            Self::Create => Verb::Create,
            Self::Update => Verb::Update,
            Self::Patch => Verb::Patch,
            Self::Delete => Verb::Delete,
            Self::DeleteCollection => Verb::DeleteCollection,
        }
    }
}

fn action(verb: &str, method: &Method, name: &str, subresource: bool) -> Option<Action> {
    let of_object = !name.is_empty();
    match verb {
        // The old paths of watches come with any method.
        "watch" if *method == Method::GET && !subresource => Some(Action::Watch),
        "get" | "list" if of_object => Some(Action::Get),
        "list" => Some(Action::List),
        // A list that is restricted to one name.
        "get" => Some(Action::List),
        "create" if of_object == subresource => Some(Action::Create),
        "update" if of_object => Some(Action::Update),
        "patch" if of_object => Some(Action::Patch),
        "delete" if of_object && !subresource => Some(Action::Delete),
        "deletecollection" if !of_object => Some(Action::DeleteCollection),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The action, resource, subresource, namespace and name that a request comes to, or the code of its refusal.
    fn found(method: &str, path: &str) -> Result<String, u16> {
        let info = RequestInfo::parse(method, path, "").unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let route = Route::find(&info, &method).map_err(|error| error.code())?;
        let (served, subresource) = (route.served.row, route.subresource_name());
        let (namespace, name) = (route.namespace, route.name);
        Ok(format!("{:?} {} {subresource} {namespace} {name}", route.action, served.plural))
    }

    #[test]
    fn groups_that_nobody_serves_are_unknown_paths() {
        let refused = |path: &str| {
            let info = RequestInfo::parse("GET", path, "").unwrap();
            Route::find(&info, &Method::GET).err()
        };
        assert_eq!(refused("/apis/example.com/v1/foos"), Some(ApiError::UnknownPath));
        assert_eq!(refused("/apis/apps/v9/deployments"), Some(ApiError::UnknownResource));
        assert_eq!(refused("/api/v2/pods"), Some(ApiError::UnknownResource));
    }

    #[test]
    fn requests_find_their_way() {
        let pods = "/api/v1/namespaces/ns/pods";
        let rows = [
            ("GET", pods.to_owned(), Ok("List pods  ns ")),
            ("GET", "/api/v1/pods".to_owned(), Ok("List pods   ")),
            ("GET", format!("{pods}/p"), Ok("Get pods  ns p")),
            ("GET", format!("{pods}/p/status"), Ok("Get pods status ns p")),
            ("GET", "/api/v1/watch/pods".to_owned(), Ok("Watch pods   ")),
            ("GET", "/api/v1/watch/namespaces/ns/pods/p".to_owned(), Ok("Watch pods  ns p")),
            ("POST", pods.to_owned(), Ok("Create pods  ns ")),
            ("POST", format!("{pods}/p/binding"), Ok("Create pods binding ns p")),
            ("PUT", format!("{pods}/p"), Ok("Update pods  ns p")),
            ("PATCH", format!("{pods}/p/ephemeralcontainers"), Ok("Patch pods ephemeralcontainers ns p")),
            ("DELETE", format!("{pods}/p"), Ok("Delete pods  ns p")),
            ("DELETE", pods.to_owned(), Ok("DeleteCollection pods  ns ")),
            ("GET", "/api/v1/namespaces/ns".to_owned(), Ok("Get namespaces   ns")),
            ("PUT", "/api/v1/namespaces/ns/finalize".to_owned(), Ok("Update namespaces finalize  ns")),
            ("DELETE", "/api/v1/nodes".to_owned(), Ok("DeleteCollection nodes   ")),
            // No such path.
            ("GET", "/api/v1/nothing".to_owned(), Err(404)),
            ("GET", "/apis/apps/v2/deployments".to_owned(), Err(404)),
            ("GET", "/api/v1/pods/p".to_owned(), Err(404)),
            ("GET", "/api/v1/namespaces/ns/nodes".to_owned(), Err(404)),
            ("GET", format!("{pods}/p/nothing"), Err(404)),
            ("GET", format!("{pods}/p/status/more"), Err(404)),
            ("GET", "/apis//v1/pods".to_owned(), Err(404)),
            // No such method there.
            ("POST", "/api/v1/pods".to_owned(), Err(405)),
            ("DELETE", "/api/v1/pods".to_owned(), Err(405)),
            ("DELETE", "/api/v1/namespaces".to_owned(), Err(405)),
            ("POST", format!("{pods}/p"), Err(405)),
            ("PUT", pods.to_owned(), Err(405)),
            ("GET", format!("{pods}/p/binding"), Err(405)),
            ("DELETE", format!("{pods}/p/status"), Err(405)),
            ("POST", "/api/v1/watch/pods".to_owned(), Err(405)),
            ("OPTIONS", pods.to_owned(), Err(405)),
        ];
        for (method, path, expected) in rows {
            assert_eq!(found(method, &path), expected.map(str::to_owned), "{method} {path}");
        }
    }

    #[test]
    fn what_is_served_has_a_strategy_or_is_a_question() {
        for served in all() {
            let question = matches!(&*served.row.group, "authentication.k8s.io" | "authorization.k8s.io");
            let stored = matches!(served.service, Service::Stored(_));
            assert!(stored != (question || served.row.plural == "bindings"), "{:?}", served.row);
        }
        let event = by_plural("events.k8s.io", "v1", "events").unwrap();
        assert!(event.is_converted());
        assert_eq!(event.key("ns", "e").unwrap().as_str(), "core/events/ns/e");
    }
}

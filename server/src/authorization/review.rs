//! The review objects: questions about identity and rights that clients ask in the form of objects.
//!
//! Each is validated, turned into [`Attributes`] or answered from a [`UserInfo`], and never stored. Pure: the caller
//! asks the authorizer, or the token authenticators, in between.

use std::sync::Arc;

use k8s_openapi::api::authentication::v1::{
    SelfSubjectReview, SelfSubjectReviewStatus, TokenReview, TokenReviewStatus, UserInfo as ReviewedUser,
};
use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, LabelSelectorAttributes, LocalSubjectAccessReview, NonResourceAttributes,
    ResourceAttributes, SelfSubjectAccessReview, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus, SubjectRulesReviewStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use super::attributes::{Attributes, FieldRequirement, LabelOperator, LabelRequirement};
use super::authorizer::{Decision, UserRules, Verdict};
use crate::authentication::user::UserInfo;
use crate::authentication::{Authenticated, AuthenticationError};
use crate::request_info::selector::{parse_fields, parse_labels};

/// Why a review is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// 400.
    #[error("{0}")]
    BadRequest(String),
    /// 422: each field that is wrong.
    #[error("the review is invalid")]
    Invalid(Vec<FieldError>),
}

/// A field that is wrong, as a cause of the `Status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Such as `spec.user`.
    pub path: String,
    /// In what way.
    pub kind: FieldErrorKind,
    /// The value; its JSON is shown for an invalid one.
    pub value: serde_json::Value,
    /// What should be.
    pub detail: String,
}

/// In what way a field is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// `FieldValueInvalid`.
    Invalid,
    /// `FieldValueRequired`.
    Required,
    /// `FieldValueForbidden`.
    Forbidden,
}

/// A review as a question to the authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub attributes: Attributes,
    /// What had to be left out of it, for `status.evaluationError`.
    pub left_out: Vec<&'static str>,
}

impl Question {
    /// The status that the authorizer's answer amounts to.
    pub fn answer(&self, verdict: Verdict) -> SubjectAccessReviewStatus {
        let errors: Vec<String> =
            verdict.error.into_iter().chain(self.left_out.iter().map(ToString::to_string)).collect();
        SubjectAccessReviewStatus {
            allowed: verdict.decision == Decision::Allow,
            denied: (verdict.decision == Decision::Deny).then_some(true),
            evaluation_error: (!errors.is_empty()).then(|| errors.join("; ")),
            reason: (!verdict.reason.is_empty()).then_some(verdict.reason),
        }
    }
}

/// The question of a `SubjectAccessReview`.
///
/// # Errors
/// [`ReviewError::Invalid`].
pub fn subject_access(review: &SubjectAccessReview) -> Result<Question, ReviewError> {
    let mut errors = Vec::new();
    check_subject_spec(&review.spec, &mut errors);
    check_metadata(&review.metadata, "must be empty", &mut errors);
    question_of_spec(&review.spec, errors)
}

/// The question of a `LocalSubjectAccessReview` that was sent to `namespace`.
///
/// # Errors
/// [`ReviewError`].
pub fn local_subject_access(review: &LocalSubjectAccessReview, namespace: &str) -> Result<Question, ReviewError> {
    let spec = &review.spec;
    let own = review.metadata.namespace.as_deref().unwrap_or_default();
    let mut errors = Vec::new();
    check_subject_spec(spec, &mut errors);
    let metadata = ObjectMeta { namespace: None, ..review.metadata.clone() };
    check_metadata(&metadata, "must be empty except for namespace", &mut errors);
    if let Some(resource) = &spec.resource_attributes {
        let asked = resource.namespace.as_deref().unwrap_or_default();
        if asked != own {
            errors.push(invalid("spec.resourceAttributes.namespace", asked, "must match metadata.namespace"));
        }
    }
    if let Some(path) = &spec.non_resource_attributes {
        let shown = shown_path(path);
        errors.push(invalid("spec.nonResourceAttributes", &shown, "disallowed on this kind of request"));
    }
    let question = question_of_spec(spec, errors)?;
    if namespace.is_empty() {
        return Err(ReviewError::BadRequest("namespace is required on this type: ".to_owned()));
    }
    if namespace != own {
        let text = format!("spec.resourceAttributes.namespace must match namespace: {namespace}");
        return Err(ReviewError::BadRequest(text));
    }
    Ok(question)
}

/// The question of a `SelfSubjectAccessReview` that `user` sent.
///
/// # Errors
/// [`ReviewError::Invalid`].
pub fn self_subject_access(review: &SelfSubjectAccessReview, user: Arc<UserInfo>) -> Result<Question, ReviewError> {
    let spec = &review.spec;
    let mut errors = Vec::new();
    check_target(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref(), &mut errors);
    check_selectors(spec.resource_attributes.as_ref(), &mut errors);
    check_metadata(&review.metadata, "must be empty", &mut errors);
    question(user, spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref(), errors)
}

/// The status of a `SelfSubjectRulesReview`.
pub fn rules_status(rules: UserRules) -> SubjectRulesReviewStatus {
    SubjectRulesReviewStatus {
        evaluation_error: rules.evaluation_error(),
        incomplete: rules.incomplete,
        non_resource_rules: rules.non_resource_rules,
        resource_rules: rules.resource_rules,
    }
}

/// The namespace of a `SelfSubjectRulesReview`.
///
/// # Errors
/// [`ReviewError::BadRequest`] when it names none.
pub fn rules_namespace(namespace: Option<&str>) -> Result<&str, ReviewError> {
    let none = || ReviewError::BadRequest("no namespace on request".to_owned());
    namespace.filter(|namespace| !namespace.is_empty()).ok_or_else(none)
}

/// The answer to a `SelfSubjectReview` of `user`.
pub fn self_subject(user: &UserInfo, now: Timestamp) -> SelfSubjectReview {
    SelfSubjectReview {
        metadata: ObjectMeta { creation_timestamp: Some(Time(now)), ..ObjectMeta::default() },
        status: Some(SelfSubjectReviewStatus { user_info: Some(reviewed_user(user)) }),
    }
}

/// The token of a `TokenReview`.
///
/// # Errors
/// [`ReviewError::BadRequest`] when there is none.
pub fn reviewed_token(review: &TokenReview) -> Result<&str, ReviewError> {
    if review.spec.token.is_empty() {
        return Err(ReviewError::BadRequest("token is required for TokenReview in authentication".to_owned()));
    }
    Ok(&review.spec.token)
}

/// The status of a `TokenReview`, from what [`Chain::review`](crate::authentication::Chain::review) says.
pub fn token_status(outcome: Result<Authenticated, AuthenticationError>) -> TokenReviewStatus {
    match outcome {
        Ok(found) => TokenReviewStatus {
            audiences: (!found.audiences.is_empty()).then_some(found.audiences),
            authenticated: Some(true),
            error: None,
            user: Some(reviewed_user(&found.user)),
        },
        Err(error) => {
            // The kind's `user` is there even when it is nobody.
            let user = Some(ReviewedUser::default());
            TokenReviewStatus { audiences: None, authenticated: None, error: Some(error.0), user }
        }
    }
}

fn reviewed_user(user: &UserInfo) -> ReviewedUser {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    ReviewedUser {
        extra: Some(user.extra.clone()).filter(|extra| !extra.is_empty()),
        groups: Some(user.groups.clone()).filter(|groups| !groups.is_empty()),
        uid: text(&user.uid),
        username: text(&user.name),
    }
}

fn question_of_spec(spec: &SubjectAccessReviewSpec, errors: Vec<FieldError>) -> Result<Question, ReviewError> {
    let user = UserInfo {
        name: spec.user.clone().unwrap_or_default(),
        uid: spec.uid.clone().unwrap_or_default(),
        groups: spec.groups.clone().unwrap_or_default(),
        extra: spec.extra.clone().unwrap_or_default(),
    };
    question(Arc::new(user), spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref(), errors)
}

fn question(
    user: Arc<UserInfo>,
    resource: Option<&ResourceAttributes>,
    path: Option<&NonResourceAttributes>,
    errors: Vec<FieldError>,
) -> Result<Question, ReviewError> {
    if !errors.is_empty() {
        return Err(ReviewError::Invalid(errors));
    }
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let mut left_out = Vec::new();
    let attributes = match (resource, path) {
        (Some(resource), _) => Attributes {
            namespace: text(&resource.namespace),
            api_version: Some(text(&resource.version)).filter(|version| !version.is_empty()).unwrap_or("*".to_owned()),
            subresource: text(&resource.subresource),
            name: text(&resource.name),
            field_selector: fields(resource.field_selector.as_ref(), &mut left_out),
            label_selector: labels(resource.label_selector.as_ref(), &mut left_out),
            ..Attributes::resource(user, &text(&resource.verb), &text(&resource.group), &text(&resource.resource))
        },
        (None, Some(path)) => Attributes::path(user, &text(&path.verb), &text(&path.path)),
        (None, None) => unreachable!("validation asks for one of them"),
    };
    Ok(Question { attributes, left_out })
}

/// What can't be understood is left out, which makes the question broader and so never allows too much.
fn fields(
    selector: Option<&FieldSelectorAttributes>,
    left_out: &mut Vec<&'static str>,
) -> Result<Vec<FieldRequirement>, String> {
    const ALL: &str = "spec.resourceAttributes.fieldSelector ignored due to parse error";
    const SOME: &str = "spec.resourceAttributes.fieldSelector partially ignored due to parse error";
    let Some(selector) = selector else { return Ok(Vec::new()) };
    let wanted = selector.requirements.as_deref().unwrap_or_default();
    if wanted.is_empty() {
        let raw = selector.raw_selector.as_deref().unwrap_or_default();
        return parse_fields(raw).ok_or_else(|| note(ALL, left_out));
    }
    let known: Vec<FieldRequirement> = wanted
        .iter()
        .filter_map(|requirement| {
            let equals = match requirement.operator.as_str() {
                "In" => true,
                "NotIn" => false,
                _ => return None,
            };
            let [value] = requirement.values.as_deref().unwrap_or_default() else { return None };
            Some(FieldRequirement { field: requirement.key.clone(), equals, value: value.clone() })
        })
        .collect();
    some_or_error(known, wanted.len(), ALL, SOME, left_out)
}

fn labels(
    selector: Option<&LabelSelectorAttributes>,
    left_out: &mut Vec<&'static str>,
) -> Result<Vec<LabelRequirement>, String> {
    const ALL: &str = "spec.resourceAttributes.labelSelector ignored due to parse error";
    const SOME: &str = "spec.resourceAttributes.labelSelector partially ignored due to parse error";
    let Some(selector) = selector else { return Ok(Vec::new()) };
    let wanted = selector.requirements.as_deref().unwrap_or_default();
    if wanted.is_empty() {
        let raw = selector.raw_selector.as_deref().unwrap_or_default();
        return parse_labels(raw).ok_or_else(|| note(ALL, left_out));
    }
    let known: Vec<LabelRequirement> = wanted
        .iter()
        .filter_map(|requirement| {
            let values = requirement.values.clone().unwrap_or_default();
            let operator = match (requirement.operator.as_str(), values.is_empty()) {
                ("In", false) => LabelOperator::In,
                ("NotIn", false) => LabelOperator::NotIn,
                ("Exists", true) => LabelOperator::Exists,
                ("DoesNotExist", true) => LabelOperator::DoesNotExist,
                _ => return None,
            };
            Some(LabelRequirement { key: requirement.key.clone(), operator, values })
        })
        .collect();
    some_or_error(known, wanted.len(), ALL, SOME, left_out)
}

fn some_or_error<T>(
    known: Vec<T>,
    wanted: usize,
    all: &'static str,
    some: &'static str,
    left_out: &mut Vec<&'static str>,
) -> Result<Vec<T>, String> {
    if known.len() == wanted {
        return Ok(known);
    }
    if known.is_empty() {
        return Err(note(all, left_out));
    }
    left_out.push(some);
    Ok(known)
}

fn note(text: &'static str, left_out: &mut Vec<&'static str>) -> String {
    left_out.push(text);
    text.to_owned()
}

fn check_subject_spec(spec: &SubjectAccessReviewSpec, errors: &mut Vec<FieldError>) {
    check_target(spec.resource_attributes.as_ref(), spec.non_resource_attributes.as_ref(), errors);
    let user = spec.user.as_deref().unwrap_or_default();
    if user.is_empty() && spec.groups.as_ref().is_none_or(Vec::is_empty) {
        errors.push(invalid("spec.user", user, "at least one of user or group must be specified"));
    }
    check_selectors(spec.resource_attributes.as_ref(), errors);
}

fn check_target(
    resource: Option<&ResourceAttributes>,
    path: Option<&NonResourceAttributes>,
    errors: &mut Vec<FieldError>,
) {
    if resource.is_some() == path.is_some() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(invalid("spec", &path.map(shown_path), detail));
    }
}

/// A path's attributes with the names that Go's fields have: upstream shows its internal type, which knows no others.
fn shown_path(path: &NonResourceAttributes) -> serde_json::Value {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    serde_json::json!({ "Path": text(&path.path), "Verb": text(&path.verb) })
}

fn check_metadata(metadata: &ObjectMeta, detail: &str, errors: &mut Vec<FieldError>) {
    let rest = ObjectMeta { managed_fields: None, ..metadata.clone() };
    if rest != ObjectMeta::default() {
        errors.push(invalid("metadata", metadata, detail));
    }
}

/// Unknown operators are let through: newer clients may know more of them than we do.
fn check_selectors(resource: Option<&ResourceAttributes>, errors: &mut Vec<FieldError>) {
    let Some(resource) = resource else { return };
    if let Some(selector) = &resource.field_selector {
        let path = "spec.resourceAttributes.fieldSelector";
        let wanted = selector.requirements.as_deref().unwrap_or_default();
        check_form(path, selector.raw_selector.as_deref(), wanted.len(), errors);
        for (index, requirement) in wanted.iter().enumerate() {
            let path = format!("{path}.requirements[{index}]");
            if requirement.key.is_empty() {
                errors.push(wrong(format!("{path}.key"), FieldErrorKind::Required, "must be specified"));
            }
            check_values(&path, &requirement.operator, requirement.values.as_deref(), errors);
        }
    }
    if let Some(selector) = &resource.label_selector {
        let path = "spec.resourceAttributes.labelSelector";
        let wanted = selector.requirements.as_deref().unwrap_or_default();
        check_form(path, selector.raw_selector.as_deref(), wanted.len(), errors);
        for (index, requirement) in wanted.iter().enumerate() {
            let path = format!("{path}.requirements[{index}]");
            check_values(&path, &requirement.operator, requirement.values.as_deref(), errors);
        }
    }
}

fn check_form(path: &str, raw: Option<&str>, requirements: usize, errors: &mut Vec<FieldError>) {
    let raw = raw.unwrap_or_default();
    match (raw.is_empty(), requirements) {
        (false, 1..) => {
            let detail = "may not specified at the same time as requirements";
            errors.push(invalid(&format!("{path}.rawSelector"), raw, detail));
        }
        (true, 0) => {
            let detail = format!("when {path} is specified, requirements or rawSelector is required");
            errors.push(wrong(format!("{path}.requirements"), FieldErrorKind::Required, &detail));
        }
        _ => {}
    }
}

fn check_values(path: &str, operator: &str, values: Option<&[String]>, errors: &mut Vec<FieldError>) {
    let (kind, detail) = match (operator, values.unwrap_or_default().is_empty()) {
        ("In" | "NotIn", true) => (FieldErrorKind::Required, "must be specified when `operator` is 'In' or 'NotIn'"),
        ("Exists" | "DoesNotExist", false) => {
            (FieldErrorKind::Forbidden, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        }
        _ => return,
    };
    errors.push(wrong(format!("{path}.values"), kind, detail));
}

fn invalid<T: serde::Serialize + ?Sized>(path: &str, value: &T, detail: &str) -> FieldError {
    let value = serde_json::to_value(value).unwrap_or_default();
    FieldError { path: path.to_owned(), kind: FieldErrorKind::Invalid, value, detail: detail.to_owned() }
}

fn wrong(path: String, kind: FieldErrorKind, detail: &str) -> FieldError {
    FieldError { path, kind, value: serde_json::Value::Null, detail: detail.to_owned() }
}

#[cfg(test)]
#[path = "review_test.rs"]
mod tests;

//! The rules of a Job's status: what a controller, ours or another, may say about it.
//!
//! Most rules are only asked where what they speak of changes, so that a status that broke one earlier can still be
//! written. Facts: upstream's `ValidateJobUpdateStatus`, `getStatusValidationOptions`.

use serde_json::{Value, json};

use super::index;
use super::policy::invalid_without_value;
use crate::kind::access::{integer, is_same};
use crate::kind::generic::{at, list, text};
use crate::kind::workload_template::counts;
use crate::validation::{Errors, FieldError, FieldPath};

/// Whether the condition is there with this status.
fn has(job: &Value, condition: &str, status: &str) -> bool {
    let conditions = list(job, &["status", "conditions"]).iter();
    conditions.into_iter().any(|given| text(given, &["type"]) == condition && text(given, &["status"]) == status)
}

/// Whether the condition is true.
pub(super) fn is_true(job: &Value, condition: &str) -> bool {
    has(job, condition, "True")
}

fn is_finished(job: &Value) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

/// What is wrong with an update of the status.
pub(super) fn update(job: &Value, old: &Value) -> Errors {
    let mut errors = counts(job, &["active", "succeeded", "failed", "ready", "terminating"]);
    uncounted(job, &mut errors);
    let change = Change { job, old };
    change.terminal(&mut errors);
    change.finished(&mut errors);
    change.indexes(&mut errors);
    change.late(&mut errors);
    change.history(&mut errors);
    errors
}

fn uncounted(job: &Value, errors: &mut Errors) {
    let status = FieldPath::new("status");
    let path = status.child("uncountedTerminatedPods");
    let mut seen: Vec<&str> = Vec::new();
    for field in ["succeeded", "failed"] {
        let path = path.child(field);
        for (at, uid) in list(job, &["status", "uncountedTerminatedPods", field]).iter().enumerate() {
            match uid.as_str().unwrap_or_default() {
                "" => errors.push(FieldError::invalid(&path.index(at), "", "must not be empty")),
                uid if seen.contains(&uid) => errors.push(FieldError::duplicate(&path.index(at), uid)),
                uid => seen.push(uid),
            }
        }
    }
}

/// An update: the Job with its new status, and the old.
#[derive(Clone, Copy)]
struct Change<'v> {
    job: &'v Value,
    old: &'v Value,
}

impl<'v> Change<'v> {
    /// Whether any of the status' fields changed.
    fn of(self, fields: &[&str]) -> bool {
        fields.iter().any(|field| !is_same(self.job, self.old, &["status", field]))
    }

    /// Whether a condition became true or ceased to be.
    fn of_condition(self, condition: &str) -> bool {
        is_true(self.job, condition) != is_true(self.old, condition)
    }

    fn value(self, field: &str) -> Value {
        at(self.job, &["status", field]).cloned().unwrap_or(Value::Null)
    }

    /// What the end of a Job goes with, and what not.
    fn terminal(self, errors: &mut Errors) {
        let path = FieldPath::new("status");
        let conditions = path.child("conditions");
        let completion = path.child("completionTime");
        let job = self.job;
        let (is_complete, is_failed) = (is_true(job, "Complete"), is_true(job, "Failed"));
        let completes = self.of_condition("Complete");
        if (completes || self.of_condition("Failed")) && is_complete && is_failed {
            let detail = "cannot set Complete=True and Failed=true conditions";
            errors.push(invalid_without_value(&conditions, detail));
        }
        if (completes || self.of_condition("FailureTarget")) && is_complete && is_true(job, "FailureTarget") {
            let detail = "cannot set Complete=True and FailureTarget=true conditions";
            errors.push(invalid_without_value(&conditions, detail));
        }
        let (start, end) = (text(job, &["status", "startTime"]), text(job, &["status", "completionTime"]));
        if completes || self.of(&["completionTime"]) {
            if !end.is_empty() && !is_complete {
                let detail = "cannot set completionTime when there is no Complete=True condition";
                errors.push(FieldError::invalid(&completion, end, detail));
            }
            if end.is_empty() && is_complete {
                errors.push(FieldError::required(&completion, "completionTime is required for Complete jobs"));
            }
        }
        // Times in normal form are UTC to the second: their texts are ordered as they are.
        if self.of(&["startTime", "completionTime"]) && !start.is_empty() && !end.is_empty() && end < start {
            errors.push(FieldError::invalid(&completion, end, "must be equal to or after `startTime`"));
        }
        if (self.of_condition("Failed") || self.of(&["failedIndexes"])) && is_failed && !is_true(job, "FailureTarget") {
            let detail = "cannot set Failed=True condition without the FailureTarget=true condition";
            errors.push(invalid_without_value(&conditions, detail));
        }
        let meets = self.of_condition("SuccessCriteriaMet");
        if (completes || meets) && is_complete && !is_true(job, "SuccessCriteriaMet") {
            let detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
            errors.push(invalid_without_value(&conditions, detail));
        }
    }

    /// What a finished Job must not have any more.
    fn finished(self, errors: &mut Errors) {
        let path = FieldPath::new("status");
        let finishes = is_finished(self.job) != is_finished(self.old);
        if !is_finished(self.job) {
            return;
        }
        if (finishes || self.of(&["active"])) && integer(self.job, &["status", "active"]) > 0 {
            let detail = "active>0 is invalid for finished job";
            errors.push(FieldError::invalid(&path.child("active"), self.value("active"), detail));
        }
        let is_idle = at(self.job, &["spec", "suspend"]) == Some(&json!(true))
            && at(self.job, &["spec", "completions"]) == Some(&json!(0));
        let has_start = at(self.job, &["status", "startTime"]).is_some();
        if (finishes || self.of(&["startTime"])) && !is_idle && !has_start {
            errors.push(FieldError::required(&path.child("startTime"), "startTime is required for finished job"));
        }
        let pods = |field: &str| list(self.job, &["status", "uncountedTerminatedPods", field]);
        let has_uncounted = !pods("succeeded").is_empty() || !pods("failed").is_empty();
        if (finishes || self.of(&["uncountedTerminatedPods"])) && has_uncounted {
            let of = |field: &str| at(self.job, &["status", "uncountedTerminatedPods", field]);
            let shown = json!({"Succeeded": of("succeeded"), "Failed": of("failed")});
            let path = path.child("uncountedTerminatedPods");
            errors.push(FieldError::invalid(&path, shown, "must be empty for finished job"));
        }
    }

    fn indexes(self, errors: &mut Errors) {
        let path = FieldPath::new("status");
        let (completed_path, failed_path) = (path.child("completedIndexes"), path.child("failedIndexes"));
        let completions = at(self.job, &["spec", "completions"]).and_then(Value::as_i64);
        let has_limit = at(self.job, &["spec", "backoffLimitPerIndex"]).is_some();
        let completed = text(self.job, &["status", "completedIndexes"]);
        let failed = at(self.job, &["status", "failedIndexes"]).and_then(Value::as_str);
        let (completed_changed, failed_changed) = (self.of(&["completedIndexes"]), self.of(&["failedIndexes"]));
        let wrong = |indexes: &str| completions.and_then(|completions| index::count(indexes, completions).err());
        if completed_changed && let Some(detail) = wrong(completed) {
            let detail = format!("error parsing completedIndexes: {detail}");
            errors.push(FieldError::invalid(&completed_path, completed, detail));
        }
        if failed_changed
            && has_limit
            && let Some((failed, detail)) = failed.and_then(|it| Some((it, wrong(it)?)))
        {
            let detail = format!("error parsing failedIndexes: {detail}");
            errors.push(FieldError::invalid(&failed_path, failed, detail));
        }
        let is_indexed = text(self.job, &["spec", "completionMode"]) == "Indexed";
        if completed_changed && !completed.is_empty() && !is_indexed {
            let detail = "cannot set non-empty completedIndexes when non-indexed completion mode";
            errors.push(FieldError::invalid(&completed_path, completed, detail));
        }
        let Some(failed) = failed else { return };
        if failed_changed && !has_limit {
            let detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
            errors.push(FieldError::invalid(&failed_path, failed, detail));
        }
        let overlap = completions.and_then(|completions| index::overlap(completed, failed, completions));
        if let Some(detail) = overlap.filter(|_| failed_changed || completed_changed) {
            errors.push(FieldError::invalid(&failed_path, failed, detail));
        }
    }

    /// The rules that upstream asks last of the status by itself.
    fn late(self, errors: &mut Errors) {
        let path = FieldPath::new("status");
        let conditions = path.child("conditions");
        let of = |field: &str| integer(self.job, &["status", field]);
        let finishes = is_finished(self.job) != is_finished(self.old);
        if (finishes || self.of(&["terminating"])) && of("terminating") > 0 && is_finished(self.job) {
            let detail = "terminating>0 is invalid for finished job";
            errors.push(FieldError::invalid(&path.child("terminating"), of("terminating"), detail));
        }
        if self.of(&["ready", "active"]) && of("ready") > of("active") {
            let detail = "cannot set more ready pods than active";
            errors.push(FieldError::invalid(&path.child("ready"), of("ready"), detail));
        }
        let met = is_true(self.job, "SuccessCriteriaMet");
        let rules = [
            (met && is_true(self.job, "Failed"), "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
            (
                met && is_true(self.job, "FailureTarget"),
                "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
            ),
            (
                at(self.job, &["spec", "successPolicy"]).is_some() && !met && is_true(self.job, "Complete"),
                "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
            ),
        ];
        let broken = rules.into_iter().filter(|(is_broken, _)| *is_broken);
        errors.extend(broken.map(|(_, detail)| invalid_without_value(&conditions, detail)));
    }

    /// What has happened stays so.
    fn history(self, errors: &mut Errors) {
        let path = FieldPath::new("status");
        let conditions = path.child("conditions");
        let (job, old) = (self.job, self.old);
        for condition in ["Failed", "Complete", "FailureTarget"] {
            if is_true(old, condition) && !is_true(job, condition) {
                let detail = format!("cannot disable the terminal {condition}=True condition");
                errors.push(invalid_without_value(&conditions, &detail));
            }
        }
        let fewer = |field: &str| integer(job, &["status", field]) < integer(old, &["status", field]);
        if fewer("failed") {
            let value = integer(job, &["status", "failed"]);
            errors.push(FieldError::invalid(&path.child("failed"), value, "cannot decrease the failed counter"));
        }
        // An indexed Job whose completions follow its parallelism may shrink.
        let is_elastic = text(job, &["spec", "completionMode"]) == "Indexed"
            && at(job, &["spec", "completions"]) == at(job, &["spec", "parallelism"]);
        if fewer("succeeded") && !is_elastic {
            let value = integer(job, &["status", "succeeded"]);
            errors.push(FieldError::invalid(&path.child("succeeded"), value, "cannot decrease the succeeded counter"));
        }
        let was_set = |field: &str| at(old, &["status", field]).is_some();
        let has_end = at(job, &["status", "completionTime"]).is_some();
        if has_end && was_set("completionTime") && self.of(&["completionTime"]) {
            let path = path.child("completionTime");
            errors.push(FieldError::invalid(&path, self.value("completionTime"), "field is immutable"));
        }
        let resumes = is_true(old, "Suspended") && has(job, "Suspended", "False");
        let is_suspended = at(job, &["spec", "suspend"]) == Some(&json!(true));
        if self.of(&["startTime"]) && !resumes && was_set("startTime") && !is_suspended {
            let detail = "field is immutable for unsuspended job once set";
            errors.push(FieldError::invalid(&path.child("startTime"), self.value("startTime"), detail));
        }
        let (was_met, is_met) = (is_true(old, "SuccessCriteriaMet"), is_true(job, "SuccessCriteriaMet"));
        if was_met && !is_met {
            let detail = "cannot disable the SuccessCriteriaMet=True condition";
            errors.push(invalid_without_value(&conditions, detail));
        }
        if is_true(old, "Complete") && !was_met && is_met {
            let detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
            errors.push(invalid_without_value(&conditions, detail));
        }
    }
}

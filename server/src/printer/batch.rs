//! Jobs and cron jobs.

use serde_json::Value;

use super::column::{self, AGE, CONTAINERS, IMAGES, NAME, SELECTOR};
use super::kind::Kind;
use super::view::View;
use super::{human, row};

pub(super) const JOB: Kind = Kind {
    columns: &[
        NAME,
        column::text("Status", "What the job is doing."),
        column::text("Completions", "How many pods succeeded, of how many that should."),
        column::text("Duration", "How long the job took, or has been running."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: job,
    conditions: None,
};

pub(super) const CRON_JOB: Kind = Kind {
    columns: &[
        NAME,
        column::text("Schedule", "When jobs are started, in cron's form."),
        column::text("Timezone", "The time zone of the schedule."),
        column::boolean("Suspend", "Whether no more jobs are started."),
        column::integer("Active", "How many jobs are running."),
        column::text("Last Schedule", "How long ago a job was last due and started."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: cron_job,
    conditions: None,
};

fn job(job: View<'_>) -> Vec<Value> {
    let (names, images) = human::containers(job, "spec.template.spec.containers");
    row![
        job.name(),
        status(job),
        completions(job),
        duration(job),
        job.age(),
        names,
        images,
        human::selector_cell(job.at("spec.selector")),
    ]
}

fn completions(job: View<'_>) -> String {
    let succeeded = job.int("status.succeeded");
    match (job.maybe_int("spec.completions"), job.int("spec.parallelism")) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallelism @ 2..) => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn duration(job: View<'_>) -> String {
    let Some(start) = job.time("status.startTime") else { return String::new() };
    human::since(start, job.time("status.completionTime").unwrap_or_else(|| job.now()))
}

fn status(job: View<'_>) -> &'static str {
    let is = |kind: &str| {
        job.condition("status.conditions", kind).is_some_and(|condition| condition.text("status") == "True")
    };
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if job.is_deleted() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn cron_job(job: View<'_>) -> Vec<Value> {
    let (names, images) = human::containers(job, "spec.jobTemplate.spec.template.spec.containers");
    let suspend = match job.maybe_flag("spec.suspend") {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    let last = "status.lastScheduleTime";
    row![
        job.name(),
        job.text("spec.schedule"),
        job.present_or("spec.timeZone", "<none>"),
        suspend,
        job.count("status.active"),
        if job.has(last) { job.since(last) } else { "<none>".to_owned() },
        job.age(),
        names,
        images,
        human::selector_cell(job.at("spec.jobTemplate.spec.selector")),
    ]
}

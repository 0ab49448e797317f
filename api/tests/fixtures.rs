//! Every kind's fixture (all fields filled; as JSON, YAML and protobuf) goes through every codec.
//!
//! The fixtures are upstream's and not part of this project: the environment variable `HOWDAH_ORACLE` names the folder
//! that holds `api-fixtures/`. Without it every test here is reported as ignored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::schema::{Node, builtin};
use howdah_api::tree;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// A kind's fixture: `group.version.Kind`, and the files' stem.
#[derive(Clone)]
struct Fixture {
    name: String,
    stem: PathBuf,
    node: Option<&'static Node>,
}

impl Fixture {
    fn read(&self, extension: &str) -> Result<Vec<u8>, Failed> {
        let path = self.stem.with_file_name(format!("{}.{extension}", self.name));
        std::fs::read(&path).map_err(|error| Failed::from(format!("{}: {error}", path.display())))
    }

    fn node(&self) -> Result<&'static Node, Failed> {
        self.node.ok_or_else(|| Failed::from("no schema for this kind"))
    }

    /// The tree of the JSON file.
    fn tree(&self) -> Result<Value, Failed> {
        let decoded = json::decode(&self.read("json")?, self.node()?)?;
        if !decoded.strict.is_empty() {
            return Err(format!("findings: {:?}", decoded.strict).into());
        }
        Ok(decoded.value)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let fixtures = fixtures();
    let ignored = fixtures.is_none();
    let fixtures = fixtures.unwrap_or_default();
    let mut trials = vec![
        trial("json_is_read_and_written_alike", &fixtures, json_round_trip).with_ignored_flag(ignored),
        trial("a_normalised_fixture_is_the_fixture", &fixtures, normalised).with_ignored_flag(ignored),
    ];
    trials.push(trial("protobuf_is_read_as_the_json_is", &fixtures, protobuf_read).with_ignored_flag(ignored));
    trials.push(trial("protobuf_is_written_byte_by_byte", &fixtures, protobuf_written).with_ignored_flag(ignored));
    trials.push(trial("yaml_is_read_as_the_json_is", &fixtures, yaml_read).with_ignored_flag(ignored));
    trials.push(trial("yaml_is_written_byte_by_byte", &fixtures, yaml_written).with_ignored_flag(ignored));
    let all = fixtures.clone();
    trials.push(
        Trial::test("there_are_fixtures_of_the_kinds_we_know", move || coverage(&all)).with_ignored_flag(ignored),
    );
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The fixtures, if the oracle's folder is named.
fn fixtures() -> Option<Vec<Fixture>> {
    let folder = PathBuf::from(std::env::var_os("HOWDAH_ORACLE")?).join("api-fixtures");
    let mut stems: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("HOWDAH_ORACLE names a folder with api-fixtures in it")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    stems.sort();
    Some(stems.iter().map(|stem| fixture(stem)).collect())
}

fn fixture(path: &Path) -> Fixture {
    let name = path.file_stem().expect("a file").to_str().expect("ASCII").to_owned();
    let (rest, kind) = name.rsplit_once('.').expect("group.version.Kind");
    let (group, version) = rest.rsplit_once('.').expect("group.version");
    let group = if group == "core" { "" } else { group };
    let node = builtin::kind(group, version, kind);
    Fixture { stem: path.to_owned(), node, name }
}

/// One test over all fixtures: all failures are told, and how many kinds passed.
fn trial(name: &'static str, fixtures: &[Fixture], check: fn(&Fixture) -> Result<(), Failed>) -> Trial {
    let fixtures = fixtures.to_vec();
    Trial::test(name, move || {
        let results = fixtures.iter().map(|fixture| (fixture, check(fixture)));
        let failures: Vec<String> = results
            .filter_map(|(fixture, result)| {
                let error = result.err()?;
                Some(format!("{}: {}", fixture.name, error.message().unwrap_or("failed")))
            })
            .collect();
        println!("{name}: {} of {} kinds", fixtures.len() - failures.len(), fixtures.len());
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
    })
}

/// Kinds that upstream has no fixtures of: the extension and aggregation servers' own, and those that stand under
/// another group there. Lists are left out: they are their items.
const WITHOUT_FIXTURE: [&str; 18] = [
    "apiextensions.k8s.io.v1.ConversionReview",
    "apiextensions.k8s.io.v1.CustomResourceDefinition",
    "apiregistration.k8s.io.v1.APIService",
    "authentication.k8s.io.v1alpha1.SelfSubjectReview",
    "meta.k8s.io.v1.APIGroup",
    "meta.k8s.io.v1.APIVersions",
    "meta.k8s.io.v1.ApplyOptions",
    "meta.k8s.io.v1.CreateOptions",
    "meta.k8s.io.v1.DeleteOptions",
    "meta.k8s.io.v1.GetOptions",
    "meta.k8s.io.v1.ListOptions",
    "meta.k8s.io.v1.PartialObjectMetadata",
    "meta.k8s.io.v1.PatchOptions",
    "meta.k8s.io.v1.Status",
    "meta.k8s.io.v1.Table",
    "meta.k8s.io.v1.TableOptions",
    "meta.k8s.io.v1.UpdateOptions",
    "meta.k8s.io.v1.WatchEvent",
];

fn coverage(fixtures: &[Fixture]) -> Result<(), Failed> {
    if fixtures.len() < 190 {
        return Err(format!("only {} fixtures", fixtures.len()).into());
    }
    let have: BTreeSet<&str> = fixtures.iter().map(|fixture| fixture.name.as_str()).collect();
    let names = builtin::kinds().filter(|kind| !kind.kind.ends_with("List")).map(|kind| {
        let group = if kind.group.is_empty() { "core" } else { kind.group };
        format!("{group}.{}.{}", kind.version, kind.kind)
    });
    let without: BTreeSet<String> = names.filter(|name| !have.contains(name.as_str())).collect();
    let expected: BTreeSet<String> = WITHOUT_FIXTURE.iter().map(ToString::to_string).collect();
    let unexpected: Vec<_> = without.symmetric_difference(&expected).collect();
    if unexpected.is_empty() {
        Ok(())
    } else {
        Err(format!("with or without a fixture by surprise: {unexpected:?}").into())
    }
}

/// The text that Go prints, without its indentation.
fn compact(text: &[u8]) -> Result<Vec<u8>, Failed> {
    let value: Value = serde_json::from_slice(text)?;
    Ok(serde_json::to_vec(&value)?)
}

fn json_round_trip(fixture: &Fixture) -> Result<(), Failed> {
    let tree = fixture.tree()?;
    same_text(&json::encode(&tree, fixture.node()?), &compact(&fixture.read("json")?)?)
}

fn normalised(fixture: &Fixture) -> Result<(), Failed> {
    let mut tree = fixture.tree()?;
    tree::normalise(&mut tree, fixture.node()?);
    same_text(&json::encode(&tree, fixture.node()?), &compact(&fixture.read("json")?)?)
}

/// The tree of the protobuf file.
fn from_protobuf(fixture: &Fixture) -> Result<Value, Failed> {
    let node = fixture.node()?;
    let tree = protobuf::decode_object(&fixture.read("pb")?, |_| Some(node))?;
    tree.ok_or_else(|| Failed::from("no kind"))
}

fn protobuf_read(fixture: &Fixture) -> Result<(), Failed> {
    let tree = from_protobuf(fixture)?;
    same_text(&json::encode(&tree, fixture.node()?), &compact(&fixture.read("json")?)?)
}

fn protobuf_written(fixture: &Fixture) -> Result<(), Failed> {
    let tree = fixture.tree()?;
    let file = fixture.read("pb")?;
    let envelope = protobuf::Envelope::read(&file)?;
    if fixture.name == "core.v1.WatchEvent" {
        // Not a kind: its JSON has no kind and its envelope is empty.
        let raw = protobuf::encode(&tree, fixture.node()?)?;
        return same_text(&protobuf::Envelope { raw: &raw, ..envelope }.write(), &file);
    }
    let ours = protobuf::encode_object(&tree, fixture.node()?)?;
    same_text(&ours, &file)
}

fn yaml_read(fixture: &Fixture) -> Result<(), Failed> {
    let decoded = yaml::decode(&fixture.read("yaml")?, fixture.node()?)?;
    if !decoded.strict.is_empty() {
        return Err(format!("findings: {:?}", decoded.strict).into());
    }
    same_text(&json::encode(&decoded.value, fixture.node()?), &compact(&fixture.read("json")?)?)
}

fn yaml_written(fixture: &Fixture) -> Result<(), Failed> {
    same_text(&yaml::encode(&fixture.tree()?), &fixture.read("yaml")?)
}

fn same_text(ours: &[u8], theirs: &[u8]) -> Result<(), Failed> {
    let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    if ours == theirs {
        return Ok(());
    }
    let around = |text: &[u8]| {
        String::from_utf8_lossy(&text[at.saturating_sub(60).min(text.len())..(at + 60).min(text.len())]).into_owned()
    };
    Err(format!("differs at byte {at}: ours …{}… theirs …{}…", around(ours), around(theirs)).into())
}

//! Rows of requests that are refused. A row is a YAML document in `rows/`, one list a file:
//!
//! | field | meaning |
//! |---|---|
//! | `name` | what is wrong |
//! | `method`, `path` | the request; `GET` where no method is given |
//! | `as` | whom to impersonate |
//! | `type` | the body's media type; JSON where nothing is said |
//! | `headers` | further headers |
//! | `json`, `text`, `hex` | the body: a value, a text as it is, or bytes in hexadecimal |
//! | `repeat` | `[before, unit, times, after]`: a body too long to write down |
//! | `expect` | `code`, `reason`, `message`, `causes` (`[reason, field, message]` each); `text` where the answer is no `Status` |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use howdah_api::codec::yaml;
use howdah_blackbox::{Answer, Client, Request};
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value, json};

/// What trials run on.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) runtime: Arc<tokio::runtime::Runtime>,
}

/// A row and the file that it stands in.
pub(crate) struct Row {
    file: String,
    row: Map<String, Value>,
}

impl Row {
    fn text(&self, field: &str) -> Option<&str> {
        self.row.get(field).and_then(Value::as_str)
    }

    fn name(&self) -> String {
        format!("{}: {}", self.file, self.text("name").unwrap_or("without a name"))
    }

    fn request(&self) -> Result<Request> {
        let mut headers = vec![("content-type".to_owned(), self.text("type").unwrap_or("application/json").to_owned())];
        if let Some(user) = self.text("as") {
            headers.push(("impersonate-user".to_owned(), user.to_owned()));
        }
        for (name, value) in self.row.get("headers").and_then(Value::as_object).into_iter().flatten() {
            headers.push((name.clone(), value.as_str().context("a header is a text")?.to_owned()));
        }
        let path = self.text("path").with_context(|| format!("{} has no path", self.name()))?;
        let method = self.text("method").unwrap_or("GET").to_owned();
        Ok(Request { method, path: path.to_owned(), headers, body: self.body()? })
    }

    fn body(&self) -> Result<Bytes> {
        if let Some(value) = self.row.get("json") {
            return Ok(serde_json::to_vec(value)?.into());
        }
        if let Some(text) = self.text("text") {
            return Ok(text.to_owned().into());
        }
        if let Some(hex) = self.text("hex") {
            let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
            return Ok(digits.chunks(2).map(byte).collect::<Result<Vec<u8>>>()?.into());
        }
        let Some(repeat) = self.row.get("repeat") else { return Ok(Bytes::new()) };
        let part = |at: usize| repeat.get(at).and_then(Value::as_str).context("repeat has three texts and a number");
        let times = repeat.get(2).and_then(Value::as_u64).context("repeat has three texts and a number")?;
        let mut body = part(0)?.to_owned();
        body.push_str(&part(1)?.repeat(usize::try_from(times)?));
        body.push_str(part(3)?);
        Ok(body.into())
    }
}

/// All rows, in the order of their files.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/api/rows");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let name = file.file_stem().and_then(|name| name.to_str()).context("a file's name")?.to_owned();
        let Value::Array(list) = read_yaml(&std::fs::read(&file)?).with_context(|| name.clone())? else {
            bail!("{name} is no list");
        };
        for row in list {
            let Value::Object(row) = row else { bail!("{name} has a row that is no object") };
            rows.push(Row { file: name.clone(), row });
        }
    }
    Ok(rows)
}

fn read_yaml(text: &[u8]) -> Result<Value> {
    Ok(yaml::to_json(text).map_err(|error| anyhow::anyhow!("{error}"))?.value)
}

/// Makes what the rows presuppose. What is there already is left.
pub(crate) async fn set_up(client: &Client) -> Result<()> {
    let text = include_str!("fixture.yaml");
    let Value::Array(objects) = read_yaml(text.as_bytes())? else { bail!("the fixture is no list") };
    for object in objects {
        let path = object["path"].as_str().context("a path")?.to_owned();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = serde_json::to_vec(&object["object"])?.into();
        let answer = client.send(Request { method: "POST".to_owned(), path: path.clone(), headers, body }).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(matches!(answer.code, 201 | 409), "setting up {path}: {} {text}", answer.code);
    }
    Ok(())
}

/// What a row says of an answer. What is new at every run is masked.
fn observed(answer: &Answer) -> Value {
    masked(&seen(answer))
}

/// The value with `UID`, `TIME` and `VERSION` in place of uids, times and resourceVersions. A uid of the rows' own is
/// kept (it begins with `d00d`), and so is Go's layout of times.
fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(text)),
        Value::Array(list) => list.iter().map(masked).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
        other => other.clone(),
    }
}

fn mask(text: &str) -> String {
    /// The shapes, a digit for `0` and a hexadecimal one for `x`.
    const SHAPES: [(&str, &str); 2] =
        [("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "UID"), ("0000-00-00T00:00:00Z", "TIME")];
    let fits = |shape: &str, text: &str| {
        text.len() >= shape.len()
            && shape.bytes().zip(text.bytes()).all(|(shape, byte)| match shape {
                b'x' => byte.is_ascii_hexdigit(),
                b'0' => byte.is_ascii_digit(),
                sign => sign == byte,
            })
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let shape = SHAPES
            .iter()
            .find(|(shape, _)| fits(shape, rest) && !rest.starts_with("d00d") && !rest.starts_with("2006-"));
        let versioned =
            ["resourceVersion\":\"", "resourceVersion\\\":\\\""].into_iter().find(|key| rest.starts_with(key));
        if let Some((shape, name)) = shape {
            out.push_str(name);
            rest = &rest[shape.len()..];
        } else if let Some(key) = versioned {
            out.push_str(key);
            out.push_str("VERSION");
            rest = rest[key.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn seen(answer: &Answer) -> Value {
    let Ok(status) = serde_json::from_slice::<Value>(&answer.body) else {
        return json!({"code": answer.code, "text": String::from_utf8_lossy(&answer.body)});
    };
    if status["kind"] != "Status" {
        return json!({"code": answer.code, "kind": status["kind"]});
    }
    let mut seen = json!({"code": answer.code});
    for field in ["reason", "message"] {
        if let Some(value) = status.get(field) {
            seen[field] = value.clone();
        }
    }
    if let Some(causes) = status.pointer("/details/causes").and_then(Value::as_array) {
        let cause = |cause: &Value| json!([cause["reason"], cause["field"], cause["message"]]);
        seen["causes"] = causes.iter().map(cause).collect();
    }
    seen
}

async fn check(client: &Client, row: &Row) -> Result<()> {
    let answer = client.send(row.request()?).await?;
    let expected = row.row.get("expect").cloned().unwrap_or_default();
    let seen = observed(&answer);
    ensure!(seen == expected, "\nexpected {expected}\nseen     {seen}");
    Ok(())
}

/// One trial a row.
pub(crate) fn trials(rows: Vec<Row>, world: Option<&World>) -> Vec<Trial> {
    let trial = |row: Row| {
        let world = world.map(|world| (world.client.clone(), Arc::clone(&world.runtime)));
        Trial::test(row.name(), move || {
            let Some((client, runtime)) = world else { return Err(Failed::from("no server")) };
            runtime.block_on(check(&client, &row)).map_err(|error| Failed::from(format!("{error:#}")))
        })
    };
    rows.into_iter().map(trial).collect()
}

/// Writes the rows with what the server answers into `folder`, a file each.
pub(crate) async fn record(client: &Client, rows: Vec<Row>, folder: &Path) -> Result<()> {
    let mut files: Vec<(String, Vec<Value>)> = Vec::new();
    for mut row in rows {
        let answer = client.send(row.request()?).await.with_context(|| row.name())?;
        row.row.insert("expect".to_owned(), observed(&answer));
        match files.last_mut() {
            Some((file, rows)) if *file == row.file => rows.push(Value::Object(row.row)),
            _ => files.push((row.file.clone(), vec![Value::Object(row.row)])),
        }
    }
    for (file, rows) in files {
        std::fs::write(folder.join(format!("{file}.yaml")), yaml::encode(&Value::Array(rows)))?;
    }
    Ok(())
}

//! Stock kubectl, as people run it.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// The oldest minor version that the suites are meant for.
const OLDEST: u32 = 27;

/// One kubectl, pointed at one server.
#[derive(Clone)]
pub struct Kubectl {
    binary: PathBuf,
    /// The minor version: 33 for 1.33.
    pub minor: u32,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Kubectl {
    /// The oldest and the newest kubectl at hand: `$KUBECTL` alone if that is set, else `kubectl` and `kubectl.1.*` on
    /// the PATH and beside what it leads to.
    ///
    /// None where there is none that is new enough.
    ///
    /// # Errors
    /// When there is none and `CI` is set: there it is a missing piece, not a reason to skip.
    pub fn at_hand(kubeconfig: &Path) -> Result<Vec<Self>> {
        let candidates = match std::env::var_os("KUBECTL") {
            Some(named) => vec![PathBuf::from(named)],
            None => on_the_path(&std::env::var_os("PATH").unwrap_or_default()),
        };
        let mut found: Vec<Self> = candidates
            .into_iter()
            .filter_map(|binary| Some(Self::new(binary.clone(), minor_version(&binary)?, kubeconfig)))
            .filter(|kubectl| kubectl.minor >= OLDEST)
            .collect();
        found.sort_by_key(|kubectl| kubectl.minor);
        found.dedup_by_key(|kubectl| kubectl.minor);
        ensure!(!found.is_empty(), "no kubectl 1.{OLDEST} or newer; install one, or name it: KUBECTL=/path/to/kubectl");
        if found.len() > 2 {
            found.drain(1..found.len() - 1);
        }
        Ok(found)
    }

    fn new(binary: PathBuf, minor: u32, kubeconfig: &Path) -> Self {
        Self { binary, minor, kubeconfig: kubeconfig.to_owned(), namespace: "default".to_owned() }
    }

    /// The same, in another namespace.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// The namespace that commands run in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn command(&self, line: &str) -> Result<Command> {
        let mut command = Command::new(&self.binary);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(["--namespace", &self.namespace]);
        command.args(words(line)?).env("HOME", std::env::temp_dir()).env_remove("KUBECONFIG");
        Ok(command)
    }

    /// Runs a command line and gives its standard output.
    ///
    /// # Errors
    /// When it fails; the error shows what it said.
    pub fn run(&self, line: &str) -> Result<String> {
        self.feed(line, "")
    }

    /// The same, with `input` on standard input.
    ///
    /// # Errors
    /// When it fails; the error shows what it said.
    pub fn feed(&self, line: &str, input: &str) -> Result<String> {
        let output = self.output(line, input)?;
        let (text, errors) = (text(&output.stdout), text(&output.stderr));
        ensure!(output.status.success(), "kubectl 1.{} {line}: {}\n{text}{errors}", self.minor, output.status);
        Ok(text)
    }

    /// Runs a command line that has to fail, and gives what it said on standard error.
    ///
    /// # Errors
    /// When it does not fail.
    pub fn fails(&self, line: &str, input: &str) -> Result<String> {
        let output = self.output(line, input)?;
        ensure!(!output.status.success(), "kubectl {line} did not fail:\n{}", text(&output.stdout));
        Ok(text(&output.stderr))
    }

    /// Runs a command line with an editor that is a `sed` script.
    ///
    /// # Errors
    /// When it fails.
    pub fn edit(&self, line: &str, script: &str) -> Result<String> {
        let mut command = self.command(line)?;
        let output = command.env("KUBE_EDITOR", format!("sed -i -e {script}")).output()?;
        ensure!(output.status.success(), "kubectl {line}: {}", text(&output.stderr));
        Ok(text(&output.stdout))
    }

    /// Starts a command line in the background, with its standard output in a pipe.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(&self, line: &str) -> Result<Child> {
        Ok(self.command(line)?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
    }

    /// Runs a command line, however it ends.
    ///
    /// # Errors
    /// When it can't be run.
    pub fn output(&self, line: &str, input: &str) -> Result<Output> {
        let mut command = self.command(line)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("standard input")?;
        stdin.write_all(input.as_bytes())?;
        drop(stdin);
        Ok(child.wait_with_output()?)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The words of a command line; single quotes keep blanks.
fn words(line: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for character in line.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\n' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    if quoted {
        bail!("{line:?} has an open quote");
    }
    words.extend(word);
    Ok(words)
}

fn minor_version(binary: &Path) -> Option<u32> {
    let output = Command::new(binary).args(["version", "--client", "--output=json"]).output().ok()?;
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let minor = version.pointer("/clientVersion/minor")?.as_str()?;
    minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}

fn on_the_path(path: &OsString) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    let targets: Vec<PathBuf> =
        folders.iter().filter_map(|folder| folder.join("kubectl").canonicalize().ok()).collect();
    folders.extend(targets.iter().filter_map(|target| target.parent().map(Path::to_owned)));
    for folder in folders {
        let names = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.retain(|name| name == "kubectl" || name.starts_with("kubectl.1."));
        found.extend(names.into_iter().map(|name| folder.join(name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn lines_are_split_as_a_shell_would() {
        let rows: [(&str, &[&str]); 5] = [
            ("get pods", &["get", "pods"]),
            ("  a   b ", &["a", "b"]),
            ("patch x -p '{\"a\": 1}' -o json", &["patch", "x", "-p", "{\"a\": 1}", "-o", "json"]),
            ("-o jsonpath='{.a} {.b}'", &["-o", "jsonpath={.a} {.b}"]),
            ("--x='a b'c d", &["--x=a bc", "d"]),
        ];
        for (line, expected) in rows {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        assert!(words("a 'b").is_err());
    }
}

//! The line with which `make test` ends, on which people and CI rely: `scripts/sum_tests.awk` fed with what cargo prints.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::workspace::root;

/// What the script makes of `output` and cargo's exit `status`: its last line, and whether it is content.
fn sum(output: &str, status: u8) -> Result<(String, bool)> {
    let mut awk = Command::new("awk")
        .args(["-v", &format!("status={status}"), "-f", "scripts/sum_tests.awk"])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting awk")?;
    awk.stdin.take().context("awk has no input")?.write_all(output.as_bytes())?;
    let ended = awk.wait_with_output()?;
    let printed = String::from_utf8(ended.stdout)?;
    Ok((printed.lines().last().unwrap_or_default().to_owned(), ended.status.success()))
}

/// A result line as libtest prints it.
fn result(word: &str, passed: u32, failed: u32, ignored: u32) -> String {
    format!(
        "running 9 tests\ntest a ... ok\n\ntest result: {word}. {passed} passed; {failed} failed; {ignored} ignored; \
         0 measured; 0 filtered out; finished in 0.01s\n\n"
    )
}

#[test]
fn results_are_added_up() -> Result<()> {
    let output = result("ok", 3, 0, 1) + &result("ok", 0, 0, 0) + &result("ok", 40, 0, 2);
    assert_eq!(sum(&output, 0)?, ("43 passed, 0 failed, 3 skipped".to_owned(), true));
    Ok(())
}

#[test]
fn one_failure_fails_the_run() -> Result<()> {
    let output = result("ok", 3, 0, 0) + &result("FAILED", 4, 1, 0);
    assert_eq!(sum(&output, 101)?, ("7 passed, 1 failed, 0 skipped".to_owned(), false));
    let coloured = result("\x1b[31mFAILED\x1b[0m", 4, 1, 0);
    assert_eq!(sum(&coloured, 101)?, ("4 passed, 1 failed, 0 skipped".to_owned(), false));
    Ok(())
}

#[test]
fn a_binary_that_dies_without_a_result_counts_as_failed() -> Result<()> {
    assert_eq!(sum(&result("ok", 3, 0, 0), 101)?, ("3 passed, 1 failed, 0 skipped".to_owned(), false));
    assert_eq!(sum("error: could not compile\n", 101)?, ("0 passed, 1 failed, 0 skipped".to_owned(), false));
    Ok(())
}

#[test]
fn a_run_without_tests_fails() -> Result<()> {
    assert_eq!(sum(&result("ok", 0, 0, 5), 0)?, ("0 passed, 0 failed, 5 skipped".to_owned(), false));
    assert_eq!(sum("", 0)?, ("0 passed, 0 failed, 0 skipped".to_owned(), false));
    Ok(())
}

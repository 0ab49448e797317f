//! What source files look like: every module says what it is, unsafe code stays in its room, and no file names a path
//! that exists on one developer's machine only.

use anyhow::Result;

use crate::dependency::UNSAFE_ROOMS;
use crate::workspace::{SourceFile, source_files};

/// What may follow the keyword where it makes code unsafe. In prose something else follows.
const UNSAFE_FOLLOWERS: &[&str] = &["{", "fn ", "impl ", "impl<", "trait ", "extern ", "("];

/// Beginnings of paths that belong to one machine, and whether something must follow for it to be one.
const MACHINE_PATHS: &[(&str, bool)] =
    &[(concat!("/wo", "rk"), false), (concat!("/ro", "ot/"), true), (concat!("/ho", "me/"), true), ("/Users/", true)];

/// Whether a source file opens by saying what it is, in more than a word.
fn opens_with_its_job(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("//!").is_some_and(|job| job.split_whitespace().nth(1).is_some())
}

/// The numbers of the lines, from one, that hold unsafe code.
fn unsafe_lines(text: &str) -> Vec<usize> {
    let keyword = concat!("un", "safe");
    let is_code = |line: &str| {
        line.match_indices(keyword).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let rest = &line[at + keyword.len()..];
            let after = rest.trim_start();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
                && (UNSAFE_FOLLOWERS.iter().any(|follower| after.starts_with(follower)))
        })
    };
    numbered(text).filter(|(_, line)| is_code(line)).map(|(number, _)| number).collect()
}

/// The numbers of the lines, from one, that name a path of one machine.
fn machine_path_lines(text: &str) -> Vec<usize> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let names_a_path = |line: &str| {
        MACHINE_PATHS.iter().any(|(path, goes_on)| {
            line.match_indices(path).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + path.len()..].chars().next();
                before.is_none_or(|c| !is_name(c) && !matches!(c, '/' | '}' | '~'))
                    && after.is_some_and(is_name) == *goes_on
            })
        })
    };
    numbered(text).filter(|(_, line)| names_a_path(line)).map(|(number, _)| number).collect()
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// `path:line` of every line that `find` returns, over `files`.
fn places<'f>(files: impl Iterator<Item = &'f SourceFile>, find: impl Fn(&str) -> Vec<usize>) -> Vec<String> {
    files.flat_map(|file| find(&file.text).into_iter().map(|line| format!("{}:{line}", file.path))).collect()
}

fn is_rust(file: &&SourceFile) -> bool {
    file.path.ends_with(".rs")
}

#[test]
fn every_module_opens_with_its_job() -> Result<()> {
    let files = source_files()?;
    let modules: Vec<_> = files.iter().filter(is_rust).collect();
    assert!(modules.iter().any(|file| file.path == "store/src/lib.rs"), "the store's sources were not found");
    let silent = modules.iter().filter(|file| !opens_with_its_job(&file.text)).map(|file| &file.path);
    assert_eq!(silent.collect::<Vec<_>>(), Vec::<&String>::new(), "these files do not open with `//!` and their job");
    Ok(())
}

#[test]
fn unsafe_code_stays_in_its_room() -> Result<()> {
    let files = source_files()?;
    let elsewhere = files.iter().filter(is_rust).filter(|file| {
        let room = file.path.split('/').next().unwrap_or_default();
        !UNSAFE_ROOMS.contains(&room)
    });
    assert_eq!(places(elsewhere, unsafe_lines), Vec::<String>::new());
    Ok(())
}

#[test]
fn no_file_names_a_path_of_one_machine() -> Result<()> {
    let files = source_files()?;
    assert!(files.iter().any(|file| file.path == "Makefile"), "the Makefile was not found");
    assert_eq!(places(files.iter(), machine_path_lines), Vec::<String>::new());
    Ok(())
}

#[test]
fn a_module_without_its_job_is_found() {
    for silent in
        ["", "use std::fs;\n//! too late", "//!", "//! x", "// A comment for nobody.", "\n//! Late by a line."]
    {
        assert!(!opens_with_its_job(silent), "{silent:?}");
    }
    assert!(opens_with_its_job("//! Reads things.\nuse std::fs;"));
}

#[test]
fn unsafe_code_is_told_from_prose() {
    let keyword = concat!("un", "safe");
    let code = [
        "K { f() }",
        "K fn f() {}",
        "    let x = K{ f() };",
        "K impl Send for X {}",
        "#[K(no_mangle)]",
        "pub K extern \"C\"",
    ];
    for line in code {
        assert_eq!(unsafe_lines(&line.replace('K', keyword)), [1], "{line}");
    }
    for line in ["// K code is forbidden", "K_code = \"forbid\"", "fn not_K() {}", "is K, alas"] {
        assert_eq!(unsafe_lines(&line.replace('K', keyword)), [0; 0], "{line}");
    }
    assert_eq!(unsafe_lines(&"fn f() {\n    K {}\n}\n".replace('K', keyword)), [2]);
}

#[test]
fn a_path_of_one_machine_is_told_from_others() {
    let (work, root) = (MACHINE_PATHS[0].0, MACHINE_PATHS[1].0);
    for line in [format!("cd {work}"), format!("\"{work}/x\""), format!("at {root}.cargo"), format!("`{root}x`")] {
        assert_eq!(machine_path_lines(&line), [1], "{line}");
    }
    for line in [format!("{work}ers"), format!("a{work}/x"), format!("${{DIR}}{root}x"), "a 0700 /root".to_owned()] {
        assert_eq!(machine_path_lines(&line), [0; 0], "{line}");
    }
}

//! `cargo xtask tidy`: rules of the house that the compiler does not know.
//!
//! Looks at every file git knows of or would add. The words it forbids are
//! written in two halves here, so that it can read itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::root;

const MAX_CODE_LINES: usize = 500;
const MAX_LINES: usize = 800;
const LEFTOVERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("to", "do!"),
    concat!("un", "implemented!"),
];
const ALLOW: &[&str] = &[concat!("#[al", "low("), concat!("#![al", "low(")];
const WORKPLACE: &str = concat!("/wo", "rk/");

/// Checks every file; prints all that is wrong.
pub fn run() -> Result<()> {
    let mut complaints = Vec::new();
    for path in files()? {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        if text.contains(WORKPLACE) {
            complaints.push(format!("{path}: names a folder of the machine it was written on"));
        }
        if path.ends_with(".rs") {
            complaints.extend(rust_file(&path, &text).into_iter().map(|complaint| format!("{path}: {complaint}")));
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("{}", complaints.join("\n"));
}

/// The files git knows of, and those it would add.
fn files() -> Result<Vec<String>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(list).current_dir(root()).output().context("git is missing")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8(output.stdout)?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

fn rust_file(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !text.starts_with("//!") {
        complaints.push("does not open with `//!`: say what it is for".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        complaints.push(format!("has {lines} lines, more than {MAX_LINES}: split it by subject"));
    }
    let code = code_lines(path, text);
    if code > MAX_CODE_LINES {
        complaints.push(format!("has {code} lines of code, more than {MAX_CODE_LINES}: split it by subject"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        for word in LEFTOVERS.iter().filter(|word| has_word(line, word)) {
            complaints.push(format!("line {number}: `{word}`: finish it, or write it down elsewhere"));
        }
        if ALLOW.iter().any(|allow| line.contains(allow)) {
            complaints.push(format!("line {number}: use `#[expect(lint, reason)]`"));
        }
    }
    complaints
}

/// How many lines of a file are not tests.
fn code_lines(path: &str, text: &str) -> usize {
    let path = Path::new(path);
    if path.file_stem().is_some_and(|stem| stem == "tests") || path.iter().any(|part| part == "tests") {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let opens_tests = |pair: &[&str]| matches!(pair, ["#[cfg(test)]", next] if next.starts_with("mod tests"));
    lines.windows(2).position(opens_tests).unwrap_or(lines.len())
}

/// Whether a word stands in a line on its own, not inside a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && (word.ends_with('!') || !after.is_some_and(is_part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOC: &str = "//! A file.\n";

    fn complaints(body: &str) -> usize {
        rust_file("crates/x/src/y.rs", &format!("{DOC}{body}")).len()
    }

    #[test]
    fn leftovers_are_found_as_words_only() {
        let word = LEFTOVERS[0];
        assert_eq!(complaints(&format!("// {word}: later")), 1);
        assert_eq!(complaints(&format!("let {word}S = 1; let A_{word} = 2;")), 0);
        assert_eq!(complaints(&format!("fn f() {{ {}() }}", LEFTOVERS[3])), 1);
        assert_eq!(complaints(&format!("{}dead_code)]", ALLOW[0])), 1);
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        assert_eq!(rust_file("a.rs", "fn main() {}\n").len(), 1);
        assert_eq!(complaints("fn main() {}\n"), 0);
    }

    #[test]
    fn tests_do_not_count_as_code() {
        let code = "let x = 1;\n".repeat(MAX_CODE_LINES - 1);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// line\n".repeat(200));
        assert_eq!(complaints(&format!("{code}{tests}")), 0);
        assert_eq!(complaints(&format!("{code}let y = 2;\n{tests}")), 1);
        assert_eq!(complaints(&format!("{code}{tests}{tests}")), 1);
    }

    #[test]
    fn files_under_tests_have_one_limit() {
        let body = DOC.to_owned() + &"// line\n".repeat(MAX_LINES - 1);
        assert_eq!(rust_file("tests/it/x.rs", &body).len(), 0);
        assert_eq!(rust_file("tests/it/x.rs", &(body + "// line\n")).len(), 1);
    }
}

//! What is written about the command line out of its declaration: completions,
//! manual pages, and the reference.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command};
use clap_complete::Shell;

use crate::error::{Exit, Failure, Result};
use crate::output;

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: Shell, root: &Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut root.clone(), root.get_name(), &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())
}

/// Writes a manual page for each command.
pub(crate) fn pages(directory: &Path, root: &Command) -> Result<()> {
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(root.clone().disable_help_subcommand(true), directory))
        .map_err(|e| Failure::other(format!("cannot write to {}", directory.display())).because(e.to_string()))
}

/// The reference of the command line, in Markdown: every command with its
/// arguments, then the exit codes and the environment variables.
#[must_use]
pub fn markdown(root: &Command) -> String {
    let mut root = root.clone().disable_help_subcommand(true);
    root.build();
    let mut text = format!("# `{}`\n\n", root.get_name());
    if let Some(about) = root.get_about() {
        let _ = write!(text, "{about}\n\n");
    }
    // They are the same for all commands that have them.
    let shared: Vec<&Arg> = root.get_subcommands().map(shared).find(|args| !args.is_empty()).unwrap_or_default();
    text.push_str("## Shared options\n\nEvery command that talks to a server has them, before or behind its name.\n\n");
    table(&mut text, &shared);
    for command in root.get_subcommands() {
        section(&mut text, root.get_name(), command);
    }
    exit_codes(&mut text);
    environment(&mut text, &root);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn shared(command: &Command) -> Vec<&Arg> {
    command.get_arguments().filter(|arg| is_listed(arg) && arg.is_global_set()).collect()
}

fn is_listed(arg: &Arg) -> bool {
    !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version")
}

fn section(text: &mut String, parent: &str, command: &Command) {
    if command.is_hide_set() {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let _ = write!(text, "## `{name}`\n\n");
    if let Some(about) = command.get_about() {
        let _ = write!(text, "{about}.\n\n");
    }
    if command.has_subcommands() {
        command.get_subcommands().for_each(|sub| section(text, &name, sub));
        return;
    }
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| is_listed(arg) && !arg.is_global_set()).collect();
    let _ = write!(text, "```\n{}\n```\n\n", usage(&name, command, &own));
    table(text, &own);
}

fn usage(name: &str, command: &Command, own: &[&Arg]) -> String {
    let has_options = command.get_arguments().any(|arg| is_listed(arg) && !arg.is_positional());
    let options = if has_options { " [OPTIONS]" } else { "" };
    let required = own.iter().filter(|arg| !arg.is_positional() && arg.is_required_set()).map(ToString::to_string);
    let positional = own.iter().filter(|arg| arg.is_positional()).map(ToString::to_string);
    required.chain(positional).fold(format!("{name}{options}"), |usage, arg| format!("{usage} {arg}"))
}

fn table(text: &mut String, args: &[&Arg]) {
    if args.is_empty() {
        return;
    }
    text.push_str("| Argument | Meaning | Default | Environment |\n|---|---|---|---|\n");
    for arg in args {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            form(arg),
            meaning(arg),
            defaults(arg),
            arg.get_env().map(|env| format!("`{}`", env.display())).unwrap_or_default(),
        );
    }
    text.push('\n');
}

/// How an argument is written: `-q, --quiet`, `<NAME>`.
fn form(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    format!("{short}{arg}").replace('|', "\\|")
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = match arg.get_action().takes_values() {
        true => arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect(),
        false => Vec::new(),
    };
    let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
    format!("{help}{values}").replace('|', "\\|")
}

fn defaults(arg: &Arg) -> String {
    if arg.is_hide_default_value_set() || !arg.get_action().takes_values() {
        return String::new();
    }
    arg.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect::<Vec<_>>().join(", ")
}

fn exit_codes(text: &mut String) {
    text.push_str("## Exit codes\n\n| Code | Meaning |\n|---|---|\n");
    for (exit, meaning) in Exit::ALL {
        let _ = writeln!(text, "| {} | {meaning} |", exit.code());
    }
    text.push('\n');
}

fn environment(text: &mut String, root: &Command) {
    let mut found = Vec::new();
    collect_environment(&mut found, root);
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    text.push_str("## Environment variables\n\n| Variable | Meaning |\n|---|---|\n");
    for (name, meaning) in found {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
    text.push_str("| `NO_COLOR` | No colours |\n");
    text.push_str("| `XDG_CONFIG_HOME` | Where `polity/profiles.toml` is, instead of `~/.config` |\n");
}

fn collect_environment(found: &mut Vec<(String, String)>, command: &Command) {
    for arg in command.get_arguments().filter(|arg| is_listed(arg)) {
        found.extend(arg.get_env().map(|env| (env.display().to_string(), meaning(arg))));
    }
    command.get_subcommands().for_each(|sub| collect_environment(found, sub));
}

#[cfg(test)]
mod tests {
    use clap::Subcommand as _;

    use super::*;

    fn root() -> Command {
        crate::Command::augment_subcommands(Command::new("polity").about("A test"))
    }

    #[test]
    fn the_command_line_is_put_together_rightly() {
        root().debug_assert();
    }

    #[test]
    fn the_reference_has_every_command_and_every_code() {
        let text = markdown(&root());
        for heading in ["## `polity org token create`", "## `polity budget set`", "## Exit codes"] {
            assert!(text.contains(heading), "{heading}");
        }
        assert!(text.contains("| `-O, --organization <ORG>` |"), "shared options are told once");
        assert_eq!(text.matches("POLITY_PROFILE").count(), 2, "with the option, and in the table of the environment");
        assert!(text.contains("| 9 | a destructive command was not confirmed |"));
    }

    #[test]
    fn every_command_has_a_manual_page() {
        let directory = tempfile::tempdir().unwrap();
        pages(directory.path(), &root()).unwrap();
        for page in ["polity.1", "polity-org.1", "polity-org-token-create.1"] {
            assert!(directory.path().join(page).exists(), "{page}");
        }
    }
}

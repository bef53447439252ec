//! Variables of the environment that look like settings and are none.

use std::collections::BTreeSet;

use polity_server::config::setting::SETTINGS;

/// What every name of ours begins with.
const PREFIX: &str = "POLITY_";
/// What Kubernetes sets by itself beside a service that is called `polity`.
const SERVICE: &[&str] = &["POLITY_SERVICE_HOST", "POLITY_SERVICE_PORT", "POLITY_PORT"];

/// Those of the names that begin like ours and mean nothing to any command: most likely misspelt.
pub fn unknown(names: impl Iterator<Item = String>, command_line: impl FnOnce() -> clap::Command) -> Vec<String> {
    let ours = names.filter(|name| name.starts_with(PREFIX) && !SERVICE.iter().any(|set| name.starts_with(set)));
    let candidates: BTreeSet<String> = ours.filter(|name| !is_setting(name)).collect();
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut known = BTreeSet::new();
    collect(&command_line(), &mut known);
    candidates.into_iter().filter(|name| !known.contains(name)).collect()
}

fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|setting| {
        let own = setting.env();
        name == own || (setting.secret && name.strip_suffix("_FILE") == Some(&own))
    })
}

/// The variables that options of the command and of those below it are read from.
fn collect(command: &clap::Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned())));
    command.get_subcommands().for_each(|below| collect(below, known));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelt_is_told_and_nothing_else_is() {
        let command = || {
            clap::Command::new("polity")
                .subcommand(clap::Command::new("login").arg(clap::Arg::new("token").long("token").env("POLITY_TOKEN")))
        };
        let names = [
            "PATH",
            "POLITY_LISTEN",
            "POLITY_SECRET_KEY_FILE",
            "POLITY_TOKEN",
            "POLITY_PORT",
            "POLITY_PORT_8080_TCP_ADDR",
            "POLITY_SERVICE_PORT_HTTP",
            "POLITY_SIGNUP_DOMAIN",
            "POLITY_LISTEN_FILE",
        ];
        let told = unknown(names.into_iter().map(str::to_owned), command);
        assert_eq!(told, ["POLITY_LISTEN_FILE", "POLITY_SIGNUP_DOMAIN"]);
    }
}

//! The command line: the commands, and the options they share. What a resource
//! can do is declared next to its code.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};
use clap_complete::Shell;

use crate::account::{AccountCommand, SignupArgs};
use crate::activity::ActivityCommand;
use crate::billing::BillingCommand;
use crate::budget::BudgetCommand;
use crate::coupon::CouponCommand;
use crate::credential::CredentialCommand;
use crate::event::EventCommand;
use crate::github::GithubCommand;
use crate::invite::InviteCommand;
use crate::login::LoginArgs;
use crate::member::MemberCommand;
use crate::operator::OperatorCommand;
use crate::org_args::OrgCommand;
use crate::output::Format;
use crate::profiles::ProfileCommand;
use crate::project::ProjectCommand;
use crate::quota::QuotaCommand;
use crate::webhook::WebhookCommand;

/// The commands that are clients of a server.
#[derive(Subcommand)]
pub enum Command {
    /// Sign up, and keep the token in a profile
    Signup(With<SignupArgs>),
    /// Log in, and keep the token in a profile
    Login(With<LoginArgs>),
    /// End the session, and forget its token
    Logout(With<Nothing>),
    /// Show whom the token acts for
    Whoami(With<Nothing>),
    /// Work with your own account
    Account(Group<AccountCommand>),
    /// Work with the profiles that are kept
    Profile(Group<ProfileCommand>),
    /// Work with organizations
    Org(Group<OrgCommand>),
    /// Work with the budget of an organization
    Budget(Group<BudgetCommand>),
    /// See what an organization used, and what it will cost
    Billing(Group<BillingCommand>),
    /// Work with the members of an organization
    Member(Group<MemberCommand>),
    /// Invite people, and answer invitations
    Invite(Group<InviteCommand>),
    /// Work with API credentials
    Credential(Group<CredentialCommand>),
    /// Work with projects
    Project(Group<ProjectCommand>),
    /// Connect an organization with GitHub
    Github(Group<GithubCommand>),
    /// Show what happened
    Activity(Group<ActivityCommand>),
    /// Read and follow the events of an organization
    Event(Group<EventCommand>),
    /// Have the events of an organization delivered to endpoints
    Webhook(Group<WebhookCommand>),
    /// Show the limits of an organization
    Quota(Group<QuotaCommand>),
    /// Use coupons
    Coupon(Group<CouponCommand>),
    /// Run the installation, with the operator key as token
    Operator(Group<OperatorCommand>),
    /// Print a completion script for a shell
    Completions {
        /// Shell to complete in
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write a manual page for every command
    Man {
        /// Directory to write to; made if there is none
        #[arg(required_unless_present = "markdown")]
        directory: Option<PathBuf>,
        /// Print the reference of all commands in Markdown instead
        #[arg(long, conflicts_with = "directory")]
        markdown: bool,
    },
}

impl Command {
    /// The shared options; none for what needs no server.
    pub(crate) fn globals(&self) -> Option<&Globals> {
        match self {
            Command::Signup(args) => Some(&args.globals),
            Command::Login(args) => Some(&args.globals),
            Command::Logout(args) | Command::Whoami(args) => Some(&args.globals),
            Command::Account(group) => Some(&group.globals),
            Command::Profile(group) => Some(&group.globals),
            Command::Org(group) => Some(&group.globals),
            Command::Budget(group) => Some(&group.globals),
            Command::Billing(group) => Some(&group.globals),
            Command::Member(group) => Some(&group.globals),
            Command::Invite(group) => Some(&group.globals),
            Command::Credential(group) => Some(&group.globals),
            Command::Project(group) => Some(&group.globals),
            Command::Github(group) => Some(&group.globals),
            Command::Activity(group) => Some(&group.globals),
            Command::Event(group) => Some(&group.globals),
            Command::Webhook(group) => Some(&group.globals),
            Command::Quota(group) => Some(&group.globals),
            Command::Coupon(group) => Some(&group.globals),
            Command::Operator(group) => Some(&group.globals),
            Command::Completions { .. } | Command::Man { .. } => None,
        }
    }
}

/// The words of a command line with the shared options behind the command, where it declares them: a person may write them
/// before it. What stands there and is none of them stays, to be complained of or to be an option of `polity` itself.
#[must_use]
pub fn shared_options_last(mut words: Vec<OsString>) -> Vec<OsString> {
    let mut command = 1;
    while let Some(word) = words.get(command).and_then(|word| word.to_str()).filter(|word| word.starts_with('-')) {
        let Some(length) = words_of_option(word) else { return words };
        command += length;
    }
    if let Some(before) = words.get_mut(1..=command) {
        before.rotate_right(1);
    }
    words
}

/// How many words a shared option takes up that begins with this one; nothing where it is none.
fn words_of_option(word: &str) -> Option<usize> {
    let declared = Globals::augment_args(clap::Command::new("shared"));
    let takes_value = |arg: &clap::Arg| !matches!(arg.get_action(), ArgAction::SetTrue);
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        let arg = declared.get_arguments().find(|arg| arg.get_long() == Some(name))?;
        return Some(if takes_value(arg) && value.is_none() { 2 } else { 1 });
    }
    let mut letters = word.strip_prefix('-')?.chars();
    while let Some(letter) = letters.next() {
        let arg = declared.get_arguments().find(|arg| arg.get_short() == Some(letter))?;
        if takes_value(arg) {
            return Some(if letters.as_str().is_empty() { 2 } else { 1 });
        }
    }
    Some(1)
}

/// A command with the shared options.
#[derive(Args)]
pub struct With<A: Args> {
    // The first, since the heading of the shared options holds for all that come after it.
    #[command(flatten)]
    pub(crate) command: A,
    #[command(flatten)]
    pub(crate) globals: Globals,
}

/// Commands of one resource with the shared options.
#[derive(Args)]
pub struct Group<C: Subcommand> {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: C,
}

/// No arguments of its own.
#[derive(Args)]
pub struct Nothing {}

/// Options of every command that talks to a server.
#[derive(Args)]
#[command(next_help_heading = "Shared options")]
pub struct Globals {
    /// Address of the server [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", env = "POLITY_URL", global = true)]
    pub(crate) url: Option<String>,
    /// Token to act with, `-` to read it from standard input
    #[arg(long, value_name = "TOKEN", env = "POLITY_TOKEN", hide_env_values = true, global = true)]
    pub(crate) token: Option<String>,
    /// Organization to act in: its name, its id, or the beginning of its id
    #[arg(long, short = 'O', value_name = "ORG", env = "POLITY_ORGANIZATION", global = true)]
    pub(crate) organization: Option<String>,
    /// Profile to take the address and the token from
    #[arg(long, value_name = "NAME", env = "POLITY_PROFILE", global = true)]
    pub(crate) profile: Option<String>,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = Format::Table, value_name = "FORMAT", global = true)]
    pub(crate) output: Format,
    /// Print ids, or the secret that was made, and nothing else
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Do not ask for confirmation
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_options_may_stand_before_the_command() {
        let ordered = |line: &str| {
            let words = shared_options_last(line.split(' ').map(OsString::from).collect());
            words.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        for (written, read) in [
            ("polity -o json org list", "polity org -o json list"),
            ("polity -qojson --url=http://h org list", "polity org -qojson --url=http://h list"),
            ("polity -qy --profile work org list -O acme", "polity org -qy --profile work list -O acme"),
            ("polity --token - whoami", "polity whoami --token -"),
            ("polity org list -o json", "polity org list -o json"),
        ] {
            assert_eq!(ordered(written), read);
        }
        for same in
            ["polity", "polity --version org", "polity -o json", "polity -o", "polity -q --nonsense org", "polity -"]
        {
            assert_eq!(ordered(same), same);
        }
    }
}

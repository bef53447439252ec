//! What an operator does once: registering the GitHub App, and having it
//! compared with the settings.

use std::fmt;

use maud::{DOCTYPE, html};
use polity_ops::github::check::{self as app_check, Finding, Verdict};

use crate::config::{Config, ServeArgs};
use crate::error::Error;
use crate::start::Environment;

/// What `polity github check` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub settings: ServeArgs,
}

/// What `polity github manifest` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct ManifestArgs {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub settings: ServeArgs,
    /// Name of the App, which nobody else at GitHub may have
    #[arg(long, value_name = "NAME", default_value = "Polity")]
    pub name: String,
    /// Print a page with a button that registers the App, to be opened in a browser
    #[arg(long)]
    pub html: bool,
    /// Organization at GitHub that is to own the App; whoever clicks, unless told
    #[arg(long, value_name = "LOGIN", requires = "html")]
    pub owner: Option<String>,
}

/// What was found, a line for each.
pub struct Report(Vec<Finding>);

impl Report {
    /// How many things are wrong, in words; none when nothing is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self.0.iter().filter(|finding| finding.verdict == Verdict::Wrong).count() {
            0 => None,
            1 => Some("1 thing has to be mended".to_owned()),
            wrong => Some(format!("{wrong} things have to be mended")),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(line).collect();
        f.write_str(&lines.join("\n"))
    }
}

fn line(Finding { verdict, text }: &Finding) -> String {
    let verdict = match verdict {
        Verdict::Good => "ok",
        Verdict::Note => "note",
        Verdict::Wrong => "WRONG",
    };
    format!("{verdict:<6} {text}")
}

/// Compares the App at GitHub with the settings.
///
/// # Errors
/// Without an App in the configuration, and for settings no App could be made of.
pub async fn check(config: &Config, environment: &Environment) -> Result<Report, Error> {
    let Some(app) = config.github.app(environment.clock.clone())? else {
        return Err(Error::Config("there is no GitHub App: set POLITY_GITHUB_APP_ID and what belongs to it".into()));
    };
    Ok(Report(app_check::check(&app, config.public_url.as_deref()).await))
}

/// The manifest, or the page with it.
///
/// # Errors
/// Without a public address, and for a name GitHub would not take.
pub fn manifest(config: &Config, args: &ManifestArgs) -> Result<String, Error> {
    let public_url = config.public_url.as_deref();
    let public_url =
        public_url.ok_or_else(|| Error::Config("GitHub has to reach this server: set POLITY_PUBLIC_URL".into()))?;
    let manifest = app_check::manifest(public_url, &args.name).map_err(Error::Config)?;
    let text = format!("{manifest:#}");
    if !args.html {
        return Ok(text);
    }
    let web = config.github.web_url.trim_end_matches('/');
    let action = match &args.owner {
        Some(owner) => format!("{web}/organizations/{owner}/settings/apps/new"),
        None => format!("{web}/settings/apps/new"),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Register " (args.name) } }
            body {
                form method="post" action=(action) {
                    input type="hidden" name="manifest" value=(text);
                    button { "Register " (args.name) " at " (web) }
                }
            }
        }
    };
    Ok(page.into_string())
}

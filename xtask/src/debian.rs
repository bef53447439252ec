//! Programs out of packages of Debian, which are unpacked beside the build and not installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::{root, run as program};

/// Downloads a package and unpacks it into a folder that everyone can use.
pub fn unpack(package: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    // As the user who runs it: the one that apt-get would change to may not be able to enter the folder.
    let download = ["--quiet", "--option", "APT::Sandbox::User=root", "download", package];
    let download = || program(Command::new("apt-get").args(download).current_dir(folder));
    if download().is_err() {
        // The lists of packages are missing or old.
        program(Command::new("apt-get").args(["--quiet", "update"]))?;
        download()?;
    }
    let packages = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let file = packages.filter(|path| path.extension().is_some_and(|extension| extension == "deb")).max();
    let file = file.context("apt-get downloaded nothing")?;
    program(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(folder).current_dir(root()))?;
    fs::remove_file(file)?;
    open(folder)
}

/// Lets everyone use a folder, whatever the umask says.
pub fn open(folder: &Path) -> Result<()> {
    program(Command::new("chmod").args(["-R", "a+rX"]).arg(folder))
}

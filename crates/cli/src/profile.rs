//! Profiles: which server, which token, which organization. Kept in one file
//! that only its owner can read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy as _, Xdg};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result};

/// The profile that is used when none is named.
const DEFAULT: &str = "default";

/// What a profile remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<String>,
}

/// The file of profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Profiles {
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// The name of the profile in use.
    pub(crate) fn current(&self) -> &str {
        self.current.as_deref().unwrap_or(DEFAULT)
    }

    /// A profile; an empty one if there is none with this name.
    pub(crate) fn get(&self, name: &str) -> Profile {
        self.profiles.get(name).cloned().unwrap_or_default()
    }

    /// Whether there is a profile with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.profiles.contains_key(name)
    }

    /// All profiles, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Profile)> {
        self.profiles.iter().map(|(name, profile)| (name.as_str(), profile))
    }

    /// Reads the file; no file means no profiles.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let refused = |e: &dyn std::fmt::Display| {
            Failure::other(format!("cannot read the profiles in {}", path.display())).because(e.to_string())
        };
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|e| refused(&without_text(&e, &text))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Profiles::default()),
            Err(e) => Err(refused(&e)),
        }
    }

    fn save(&self, path: &Path) -> Result<()> {
        let refused = |e: &dyn std::fmt::Display| unwritable(path, e);
        let directory = directory(path);
        let text = toml::to_string(self).map_err(|e| refused(&e))?;
        // A temporary file is readable by its owner alone, and stays so under its new name.
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|e| refused(&e))?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|e| refused(&e))?;
        file.persist(path).map_err(|e| refused(&e))?;
        Ok(())
    }
}

/// Where the profiles are.
pub(crate) fn path() -> Result<PathBuf> {
    let xdg = Xdg::new().map_err(|e| Failure::other("there is no home directory").because(e.to_string()))?;
    Ok(xdg.config_dir().join("polity").join("profiles.toml"))
}

/// Changes one profile; what other commands wrote meanwhile stays.
pub(crate) fn change(path: &Path, name: &str, make_current: bool, change: impl FnOnce(&mut Profile)) -> Result<()> {
    edit(path, |profiles| {
        change(profiles.profiles.entry(name.to_owned()).or_default());
        if make_current {
            profiles.current = Some(name.to_owned());
        }
    })
}

/// Forgets one profile. If it was the current one, the default is from then on.
pub(crate) fn delete(path: &Path, name: &str) -> Result<()> {
    edit(path, |profiles| {
        profiles.profiles.remove(name);
        if profiles.current() == name {
            profiles.current = None;
        }
    })
}

/// Reads the profiles, changes them and writes them, while other commands wait to do the same.
fn edit(path: &Path, edit: impl FnOnce(&mut Profiles)) -> Result<()> {
    let directory = directory(path);
    make_private(directory).map_err(|e| unwritable(path, &e))?;
    // Not the file itself, in whose place another one is put. Some file systems lock no directory: it goes without.
    let _lock = File::open(directory).and_then(|directory| directory.lock().map(|()| directory));
    let mut profiles = Profiles::load(path)?;
    edit(&mut profiles);
    profiles.save(path)
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn unwritable(path: &Path, why: &dyn std::fmt::Display) -> Box<Failure> {
    Failure::other(format!("cannot write the profiles to {}", path.display())).because(why.to_string())
}

/// What is wrong with a file, and where, without what stands there: it may be a token.
fn without_text(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // Behind the colon stands what was found instead of what belongs there.
    let what = error.message().split(": ").next().unwrap_or_default();
    format!("line {line}: {what}")
}

#[cfg(unix)]
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_comes_back_as_it_was_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("polity").join("profiles.toml");
        assert_eq!(Profiles::load(&path).unwrap(), Profiles::default());
        change(&path, "work", true, |p| p.token = Some("secret".into())).unwrap();
        change(&path, "home", false, |p| p.url = Some("http://a".into())).unwrap();
        let profiles = Profiles::load(&path).unwrap();
        assert_eq!(profiles.current(), "work");
        assert_eq!(profiles.get("work").token.as_deref(), Some("secret"));
        assert_eq!(profiles.get("home").url.as_deref(), Some("http://a"));
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_without_the_token() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("profiles.toml");
        let cases = [
            (1, "token\nsecret"),
            (2, "[profiles.work]\ntoken = \"secret"),
            (2, "[profiles.work]\ntoken = 'secret' x"),
            (3, "[profiles.home]\n[profiles]\nwork = \"secret\""),
        ];
        for (line, wrong) in cases {
            std::fs::write(&path, wrong).unwrap();
            let failure = format!("{:?}", Profiles::load(&path).unwrap_err());
            assert!(failure.contains(&format!("line {line}: ")) && !failure.contains("secret"), "{failure}");
        }
    }

    // Only there can a directory be locked.
    #[cfg(unix)]
    #[test]
    fn profiles_that_are_kept_at_the_same_time_are_all_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("polity").join("profiles.toml");
        std::thread::scope(|scope| {
            for number in 0..16 {
                let path = &path;
                scope.spawn(move || change(path, &number.to_string(), false, |_| {}).unwrap());
            }
        });
        assert_eq!(Profiles::load(&path).unwrap().all().count(), 16);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_profiles() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("polity").join("profiles.toml");
        change(&path, "default", true, |_| {}).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
}

//! Mails as the outbox holds them.

use std::path::Path;

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Recipient.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// Name of the file.
    pub file: String,
}

impl Mail {
    /// Every mail of a directory, oldest first.
    pub(crate) fn read_all(directory: &Path) -> Vec<Mail> {
        let mut mails: Vec<Mail> = std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|e| e == "eml"))
            .map(|path| Self::read(&path))
            .collect();
        mails.sort_by(|a, b| a.file.cmp(&b.file));
        mails
    }

    fn read(path: &Path) -> Mail {
        let text = std::fs::read_to_string(path).expect("a mail").replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").expect("a head and a body");
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
            line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        Mail {
            to: header("to"),
            subject: header("subject"),
            body: body.to_owned(),
            file: path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned(),
        }
    }

    /// The link in the text.
    #[must_use]
    pub fn link(&self) -> &str {
        self.body.split_whitespace().find(|word| word.starts_with("http")).expect("a link")
    }

    /// The secret at the end of the link.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.link().rsplit('/').next().expect("a secret")
    }
}

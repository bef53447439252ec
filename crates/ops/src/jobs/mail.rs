//! Delivering the mail outbox.
//!
//! A delivered mail has no row any more. A crash between the acceptance by the
//! next server and the removal of the row sends it once more under the same
//! Message-ID, by which receivers recognise it, and so does a server that says
//! too late that it has accepted; as a file it is written under the same name,
//! so there it cannot double at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use polity_api::error::Code;
use polity_api::ids::MailId;
use polity_api::scalar::micros;
use polity_store::mails::{self, MailRow};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::jobs::{POLL, backoff_micros};

/// Mails delivered together.
const AT_ONCE: i64 = 16;
/// Deliveries tried before a mail is given up: about a day and a half.
const MAX_ATTEMPTS: i64 = 48;
/// How long the whole conversation with the next server may take, which may look through a mail before it accepts it: if
/// it accepts it later than this, it gets it once more.
const TIMEOUT: Duration = Duration::from_secs(180);

/// How mail leaves.
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

enum Way {
    /// By this server, if it takes no longer than that.
    Smtp(AsyncSmtpTransport<Tokio1Executor>, Duration),
    Outbox(PathBuf),
}

impl Mailer {
    /// Over SMTP: `smtp://`, `smtps://` or `smtp://…?tls=required`, with user and password in the URL.
    ///
    /// # Errors
    /// When the URL or the address is malformed.
    pub fn smtp(url: &str, from: &str) -> Result<Mailer> {
        Mailer::smtp_within(url, from, TIMEOUT)
    }

    fn smtp_within(url: &str, from: &str, timeout: Duration) -> Result<Mailer> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(Error::internal)?;
        Ok(Mailer { from: mailbox(from)?, way: Way::Smtp(transport.timeout(Some(timeout)).build(), timeout) })
    }

    /// As files in a directory, for installations that send nothing.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn outbox(directory: PathBuf) -> Result<Mailer> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        // The mails hold secrets.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&directory).map_err(Error::internal)?;
        Ok(Mailer { from: mailbox("Polity <polity@localhost>")?, way: Way::Outbox(directory) })
    }

    /// For how long mails belong to whoever took them: longer than the delivery
    /// can last, so that nobody else delivers them too.
    fn lease_micros(&self) -> i64 {
        match self.way {
            Way::Smtp(..) => 4 * micros::MINUTE,
            Way::Outbox(_) => 5 * micros::SECOND,
        }
    }

    fn message(&self, row: &MailRow) -> Result<Message> {
        let seconds = u64::try_from(row.created_at.unix_seconds()).unwrap_or(0);
        Message::builder()
            .message_id(Some(format!("<{}@{}>", row.id, self.from.email.domain())))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .from(self.from.clone())
            .to(mailbox(&row.recipient)?)
            .subject(row.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .body(plain(&row.body))
            .map_err(Error::internal)
    }
}

/// Unencoded where RFC 5322 §2.1.1 allows it (ASCII, lines of at most 998
/// characters), so that a link can be copied from the file as it is.
fn plain(text: &str) -> Body {
    if text.is_ascii() && text.lines().all(|line| line.len() <= 998) {
        let lines = text.replace('\n', "\r\n").into_bytes();
        return Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit);
    }
    Body::new(text.to_owned())
}

fn mailbox(text: &str) -> Result<Mailbox> {
    text.parse().map_err(|error| Error::internal(format!("{text:?} is not a mail address: {error}")))
}

/// How a delivery went.
enum Outcome {
    Delivered,
    /// To be tried again.
    Deferred(String),
    /// Never to be accepted.
    Bounced(String),
}

/// Delivers the mails that are due; tells whether there were any.
pub(crate) async fn deliver(ctx: &Ctx, mailer: &Mailer) -> Result<bool> {
    let due = ctx.read("due_mails", (), |w, ()| Box::pin(async move { Ok(mails::is_due(w.tx, w.now).await?) }));
    if !due.await? {
        return Ok(false);
    }
    let claimed = ctx.write("claim_mails", mailer.lease_micros(), |w, lease| {
        Box::pin(async move { Ok(mails::claim(w.tx, w.now, w.now.plus(*lease), AT_ONCE).await?) })
    });
    let mut claimed = claimed.await?;
    claimed.sort_unstable_by_key(|row| row.created_at);
    let any = !claimed.is_empty();
    // Each on its own: a mail that is not recorded because of another one would be delivered again.
    let deliveries = claimed.into_iter().map(async |row| {
        let outcome = send(mailer, &row).await;
        record(ctx, mailer, row, outcome).await
    });
    join_all(deliveries).await.into_iter().collect::<Result<()>>()?;
    Ok(any)
}

async fn send(mailer: &Mailer, row: &MailRow) -> Outcome {
    let message = match mailer.message(row) {
        Ok(message) => message,
        Err(error) => return Outcome::Bounced(error.to_string()),
    };
    match &mailer.way {
        Way::Outbox(directory) => {
            let name = format!("{}-{}.eml", row.created_at.0, row.id);
            let (directory, file, content) = (directory.clone(), name.clone(), message.formatted());
            // A flush can take as long as the disk is busy: no other request has to wait for it.
            let written = tokio::task::spawn_blocking(move || write_durably(&directory, &file, &content)).await;
            match written.map_err(std::io::Error::other).flatten() {
                Ok(()) => {
                    tracing::info!(subject = row.subject, link = row.link, file = name, "mail written to the outbox");
                    Outcome::Delivered
                }
                Err(error) => Outcome::Deferred(error.to_string()),
            }
        }
        Way::Smtp(transport, timeout) => {
            // The timeout of the transport is for connecting: a server may be silent after that, too.
            let sent = tokio::time::timeout(*timeout, over_smtp(transport, message)).await;
            sent.unwrap_or_else(|_| Outcome::Deferred(format!("the mail server took longer than {timeout:?}")))
        }
    }
}

async fn over_smtp(transport: &AsyncSmtpTransport<Tokio1Executor>, message: Message) -> Outcome {
    let Err(error) = transport.send(message).await else { return Outcome::Delivered };
    // A refusal that does not pass may still be one of this server, which can be mended, rather than of the mail: of its
    // password, or of anything at all, said instead of a greeting. Then it refuses a connection that sends nothing, too.
    let is_of_mail = error.status().is_some_and(|code| is_of_mail(code.into())) && !is_of_sender(&error.to_string());
    if is_of_mail && transport.test_connection().await.is_ok_and(|is_taken| is_taken) {
        return Outcome::Bounced(error.to_string());
    }
    Outcome::Deferred(error.to_string())
}

/// Whether a reply code can be about a recipient or a message (RFC 5321 §4.2.3, RFC 7504). Others that do not pass
/// are about who sends (535, 530, 534, 538), about the server (521) or about commands (500 to 504).
fn is_of_mail(code: u16) -> bool {
    matches!(code, 550..=554 | 556)
}

/// Whether a refusal is about our own address, or about us at all, which the operator mends: it has an enhanced code of
/// RFC 3463 that says so, or as most servers do, only words.
fn is_of_sender(said: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "5.1.7",
        "5.1.8",
        "5.7.60",
        "sender address rejected",
        "as this sender",
        "address is not verified",
        "relay access denied",
        "relaying denied",
        "unable to relay",
    ];
    let said = said.to_ascii_lowercase();
    SIGNS.iter().any(|sign| said.contains(sign))
}

async fn record(ctx: &Ctx, mailer: &Mailer, mut row: MailRow, outcome: Outcome) -> Result<()> {
    row.attempts += 1;
    let (unit, error, bounced) = match outcome {
        Outcome::Delivered => return delivered(ctx, mailer, row.id).await,
        Outcome::Deferred(error) if row.attempts < MAX_ATTEMPTS => ("mail_deferred", error, false),
        Outcome::Deferred(error) | Outcome::Bounced(error) => ("mail_bounced", error, true),
    };
    tracing::warn!(mail = %row.id, attempts = row.attempts, error, bounced, "mail was not delivered");
    row.last_error = error;
    row.next_attempt_at = ctx.now().plus(backoff_micros(row.attempts));
    ctx.write(unit, (row, bounced), |w, (row, bounced)| {
        Box::pin(async move {
            if *bounced {
                mails::bounce(w.tx, row).await?;
            } else {
                mails::retry(w.tx, row).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Forgets a mail that was delivered. While the database cannot be reached that is tried again for as long as the
/// mail is ours: whoever takes it then delivers it once more.
async fn delivered(ctx: &Ctx, mailer: &Mailer, id: MailId) -> Result<()> {
    let mut tries = mailer.lease_micros() / micros::SECOND;
    loop {
        let forgotten =
            ctx.write("mail_delivered", id, |w, id| Box::pin(async move { Ok(mails::delete(w.tx, *id).await?) })).await;
        tries -= 1;
        match forgotten {
            Err(error) if error.code == Code::Unavailable && tries > 0 => tokio::time::sleep(POLL).await,
            forgotten => return forgotten,
        }
    }
}

/// Writes a file so that it is there whole or not at all, across a crash.
fn write_durably(directory: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let (part, whole) = (directory.join(format!(".{name}.part")), directory.join(name));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // A directory that was there before may be open to others.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, &whole)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use polity_api::scalar::Timestamp;
    use polity_store::mails::MailStatus;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};
    use uuid::Uuid;

    use super::*;

    /// Sends a mail to a server that does `serve` with each connection, and takes no longer than this.
    async fn sent<F>(within: Duration, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Outcome
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        let url = format!("smtp://user:password@127.0.0.1:{port}");
        let mailer = Mailer::smtp_within(&url, "polity@example.com", within).unwrap();
        let row = MailRow {
            id: MailId(Uuid::nil()),
            recipient: "ann@example.com".to_owned(),
            subject: "Hello".to_owned(),
            body: "Hello".to_owned(),
            link: String::new(),
            status: MailStatus::Waiting,
            attempts: 0,
            next_attempt_at: Timestamp(0),
            last_error: String::new(),
            created_at: Timestamp(0),
        };
        let outcome = tokio::time::timeout(2 * TIMEOUT, send(&mailer, &row)).await;
        server.abort();
        outcome.expect("it takes for ever")
    }

    /// Sends a mail to a server that answers like any other, but for what begins with `to`: an SMTP command, `greeting`
    /// for the connection itself, or `.` for the end of the message.
    async fn answered(to: &'static str, with: &'static str) -> Outcome {
        sent(TIMEOUT, move |stream| converse(stream, to, with)).await
    }

    async fn converse(stream: TcpStream, to: &'static str, with: &'static str) {
        let mut stream = BufReader::new(stream);
        let (mut line, mut is_message) = ("greeting".to_owned(), false);
        loop {
            let usual = match line.get(..4).unwrap_or(&line) {
                "gree" => "220 here",
                "EHLO" => "250-here\r\n250 AUTH PLAIN",
                "AUTH" => "235 you are known",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 fine",
            };
            let answer = if line.starts_with(to) { with } else { usual };
            if !is_message || line == "." {
                stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                is_message = answer.starts_with("354");
            }
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            line.truncate(line.trim_end().len());
        }
    }

    #[tokio::test]
    async fn a_server_that_never_speaks_defers_the_mail() {
        let outcome = sent(Duration::from_secs(1), async |stream| {
            std::future::pending::<()>().await;
            drop(stream);
        });
        assert!(matches!(outcome.await, Outcome::Deferred(why) if why.contains("took longer than 1s")));
    }

    #[tokio::test]
    async fn a_mail_is_delivered() {
        assert!(matches!(answered("-", "").await, Outcome::Delivered));
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_account_or_the_server_defers_the_mail() {
        for (to, with) in [
            ("AUTH", "535 5.7.8 wrong password"),
            ("AUTH", "534 5.7.9 too weak"),
            ("AUTH", "554 5.7.0 too many attempts"),
            ("MAIL", "530 5.7.0 authentication required"),
            ("MAIL", "503 5.5.1 not now"),
            ("EHLO", "502 5.5.1 what is that"),
            ("greeting", "554 not here"),
            ("greeting", "521 no mail here"),
            ("RCPT", "450 4.2.1 busy"),
            ("MAIL", "550 5.7.60 client does not have permissions to send as this sender"),
            ("MAIL", "553 5.7.1 <polity@example.com>: Sender address rejected: not owned by user"),
            ("RCPT", "554 5.7.1 <ann@example.com>: Relay access denied"),
            (".", "554 Message rejected: Email address is not verified."),
        ] {
            assert!(matches!(answered(to, with).await, Outcome::Deferred(_)), "{with} to {to}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_recipient_or_the_message_bounces_the_mail() {
        for (to, with) in [
            ("RCPT", "550 5.1.1 nobody of this name"),
            (
                "RCPT",
                "550 5.1.1 <x@privaterelay.example>: Recipient address rejected: User unknown in relay recipient table",
            ),
            ("RCPT", "556 5.1.10 no mail for this domain"),
            ("MAIL", "552 5.3.4 too large"),
            ("DATA", "554 5.5.1 no valid recipients"),
            (".", "554 5.7.1 looks like spam"),
        ] {
            assert!(matches!(answered(to, with).await, Outcome::Bounced(_)), "{with} to {to}");
        }
    }
}

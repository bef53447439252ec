//! The messages PostgreSQL's server sends, told apart only as far as needed to
//! leave notifications out.

/// What a message of the server opens with: a byte for its type, and its length without that byte.
const HEAD: usize = 5;

/// The type of a notification.
const NOTIFICATION: u8 = b'A';

/// What a client sends first: its length and a code.
const OPENING: usize = 8;

/// The code by which a client asks for TLS; that for GSSAPI is one more. The answer is a single byte.
const TLS_REQUEST: u32 = 80_877_103;

/// The version of the protocol, in the upper half of the code.
const PROTOCOL: u32 = 3;

/// One connection. What is not PostgreSQL's protocol, or is encrypted, passes as it is.
#[derive(Default)]
pub struct Framing {
    /// The first bytes of the client, until there are enough.
    opening: Vec<u8>,
    answers: Answers,
    /// The head of a message that has not arrived completely.
    head: Vec<u8>,
    /// What of the current message is still to come.
    remaining: usize,
    /// Whether the current message is left out.
    leave_out: bool,
}

/// What the server's bytes are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Answers {
    /// Nothing is known yet, or nothing can be known.
    #[default]
    Opaque,
    /// One byte that says whether the connection will be encrypted.
    OneByte,
    /// Messages with a head.
    Messages,
}

impl Framing {
    /// Looks at what the client sent.
    pub fn client_sent(&mut self, bytes: &[u8]) {
        if self.answers == Answers::Messages || self.opening.len() >= OPENING {
            return;
        }
        self.opening.extend(bytes.iter().take(OPENING - self.opening.len()));
        let Some(code) = self.opening.get(4..OPENING) else { return };
        let code = u32::from_be_bytes(code.try_into().expect("four bytes"));
        if code == TLS_REQUEST || code == TLS_REQUEST + 1 {
            self.answers = Answers::OneByte;
        } else if code >> 16 == PROTOCOL {
            self.answers = Answers::Messages;
        }
    }

    /// What of the server's bytes the client gets to see.
    pub fn server_sent(&mut self, bytes: &[u8], suppress: bool) -> Vec<u8> {
        match self.answers {
            Answers::Opaque => bytes.to_vec(),
            Answers::OneByte => {
                // After a no, the client begins anew without encryption; after a yes, nothing can be read.
                self.answers = Answers::Opaque;
                if bytes == b"N" {
                    self.opening.clear();
                }
                bytes.to_vec()
            }
            Answers::Messages => self.messages(bytes, suppress),
        }
    }

    fn messages(&mut self, mut bytes: &[u8], suppress: bool) -> Vec<u8> {
        let mut passed = Vec::with_capacity(bytes.len() + HEAD);
        while !bytes.is_empty() {
            if self.remaining > 0 {
                let (body, rest) = bytes.split_at(self.remaining.min(bytes.len()));
                if !self.leave_out {
                    passed.extend_from_slice(body);
                }
                self.remaining -= body.len();
                bytes = rest;
                continue;
            }
            let (part, rest) = bytes.split_at((HEAD - self.head.len()).min(bytes.len()));
            self.head.extend_from_slice(part);
            bytes = rest;
            if let Some((kind, length)) = self.head.split_first()
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.remaining = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                self.leave_out = suppress && *kind == NOTIFICATION;
                if !self.leave_out {
                    passed.extend_from_slice(&self.head);
                }
                self.head.clear();
            }
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTUP: [u8; 8] = [0, 0, 0, 8, 0, 3, 0, 0];
    const READY: &[u8] = b"Z\0\0\0\x05I";
    const NOTICE: &[u8] = b"A\0\0\0\x0c\0\0\0\x01a\0b\0";

    /// What comes through when the server's bytes arrive in pieces of a length.
    fn passed(framing: &mut Framing, pieces: usize, suppress: bool) -> Vec<u8> {
        let sent = [READY, NOTICE, NOTICE, READY].concat();
        sent.chunks(pieces).flat_map(|piece| framing.server_sent(piece, suppress)).collect()
    }

    #[test]
    fn notifications_are_left_out_wherever_they_are_split() {
        for pieces in 1..40 {
            let mut framing = Framing::default();
            framing.client_sent(&STARTUP);
            assert_eq!(passed(&mut framing, pieces, true), [READY, READY].concat());
            assert_eq!(passed(&mut framing, pieces, false), [READY, NOTICE, NOTICE, READY].concat());
        }
    }

    #[test]
    fn messages_are_read_after_encryption_was_declined() {
        let mut framing = Framing::default();
        framing.client_sent(&[&[0, 0, 0, 8], &TLS_REQUEST.to_be_bytes()[..]].concat());
        assert_eq!(framing.server_sent(b"N", true), b"N");
        framing.client_sent(&STARTUP);
        assert_eq!(passed(&mut framing, 7, true), [READY, READY].concat());
    }

    #[test]
    fn other_protocols_pass_as_they_are() {
        let mut framing = Framing::default();
        framing.client_sent(b"GET / HTTP/1.1");
        assert_eq!(framing.server_sent(b"A", true), b"A");
    }
}

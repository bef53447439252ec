//! Opaque secrets: what credentials, operator keys and mailed links are made of.
//!
//! 58 random alphanumeric characters (345 bits) and six that check them, so
//! that garbage and typing errors are refused without a look at the database.

use crate::ctx::Random;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Length of a secret in characters; command-line clients insist on it.
pub const LENGTH: usize = 64;
const CHECK: usize = 6;

/// A new secret.
#[must_use]
pub fn generate(random: &Random) -> String {
    let mut text = String::with_capacity(LENGTH);
    while text.len() < LENGTH - CHECK {
        for byte in random.bytes::<64>() {
            // Rejecting 62 and 63 keeps every character equally likely.
            if let Some(&c) = ALPHABET.get(usize::from(byte & 63))
                && text.len() < LENGTH - CHECK
            {
                text.push(char::from(c));
            }
        }
    }
    let check = check(&text);
    text + &check
}

/// Whether a text has the form of a secret, check included.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    text.len() == LENGTH
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.split_at_checked(LENGTH - CHECK).is_some_and(|(body, found)| check(body) == found)
}

/// CRC-32 (IEEE 802.3) in base 62: 62^6 is more than 2^32.
fn check(body: &str) -> String {
    let mut crc = !0u32;
    for byte in body.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut rest = !crc as usize;
    let mut out = String::with_capacity(CHECK);
    for _ in 0..CHECK {
        out.extend(ALPHABET.get(rest % ALPHABET.len()).map(|&c| char::from(c)));
        rest /= ALPHABET.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    fn counting() -> Random {
        let next = AtomicU8::new(0);
        Random(Arc::new(move |bytes: &mut [u8]| bytes.fill_with(|| next.fetch_add(7, Ordering::Relaxed))))
    }

    #[test]
    fn a_secret_is_64_alphanumeric_characters_and_checks_itself() {
        let secret = generate(&counting());
        assert_eq!(secret.len(), LENGTH);
        assert!(is_well_formed(&secret));
        for i in 0..LENGTH {
            let mut bytes = secret.clone().into_bytes();
            bytes[i] = if bytes[i] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed(&String::from_utf8(bytes).unwrap()), "a change at {i} goes unnoticed");
        }
        assert!(!is_well_formed("") && !is_well_formed(&"é".repeat(32)));
    }

    #[test]
    fn the_check_is_crc_32() {
        assert_eq!(check("123456789"), {
            let mut rest = 0xcbf4_3926_usize;
            let mut text = String::new();
            for _ in 0..CHECK {
                text.push(char::from(ALPHABET[rest % 62]));
                rest /= 62;
            }
            text
        });
    }
}

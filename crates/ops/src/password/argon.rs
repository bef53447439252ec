//! Argon2id in memory that is kept from one hash to the next: a thread that may
//! be left where it stands must not be left while the system gives it memory.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::ctx::Random;
use crate::error::{Error, Result};

/// Memory of one hash, in KiB.
const MEMORY_KIB: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;

/// What hashes are computed in, of as many KiB as the largest so far took.
pub(super) type Blocks = Vec<Block>;

/// The PHC string of a password, with the parameters of today.
pub(super) fn hash(salt: &[u8], password: &str, blocks: &mut Blocks) -> Result<String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(refused)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(refused)?,
        salt: Some(Salt::new(salt).map_err(refused)?),
        hash: Some(output(Algorithm::Argon2id, Version::V0x13, params, salt, password, blocks)?),
    };
    Ok(hash.to_string())
}

/// Whether a PHC string is of this password.
pub(super) fn verify(stored: &str, password: &str, blocks: &mut Blocks) -> Result<bool> {
    let stored = PasswordHash::new(stored).map_err(refused)?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(refused)?;
    let version = stored.version.map_or(Ok(Version::default()), Version::try_from).map_err(refused)?;
    let params = Params::try_from(&stored).map_err(refused)?;
    let (Some(salt), Some(hash)) = (stored.salt, stored.hash) else {
        return Err(Error::internal("a stored password has no salt or no hash"));
    };
    // Outputs are compared in constant time.
    Ok(output(algorithm, version, params, &salt, password, blocks)? == hash)
}

fn output(
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: &[u8],
    password: &str,
    blocks: &mut Blocks,
) -> Result<Output> {
    let mut bytes = [0; Output::MAX_LENGTH];
    let bytes = bytes.get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN));
    let bytes = bytes.ok_or_else(|| Error::internal("a stored password has too long a hash"))?;
    let needed = params.block_count();
    if blocks.len() < needed {
        blocks.resize_with(needed, Block::new);
    }
    let blocks = blocks.get_mut(..needed).unwrap_or_default();
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, bytes, blocks).map_err(refused)?;
    Output::new(bytes).map_err(refused)
}

fn refused(cause: impl std::fmt::Display) -> Error {
    Error::internal(cause.to_string())
}

/// What a hash of today's parameters begins with.
fn parameters() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$")
}

/// Whether a stored hash has the parameters of today.
pub(super) fn is_current(stored: &str) -> bool {
    stored.starts_with(&parameters())
}

/// A hash of today's parameters that no password has: nothing was hashed for it.
pub(super) fn decoy(random: &Random) -> String {
    let [salt, hash] =
        [random.bytes::<16>().as_slice(), &random.bytes::<32>()].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("{}{salt}${hash}", parameters())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -e`, as the reference implementation prints it.
    const FOREIGN: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn a_hash_is_that_of_the_reference_implementation_whatever_the_memory_held_before() {
        let mut blocks = Blocks::new();
        let own = hash(b"0123456789abcdef", "correct horse", &mut blocks).unwrap();
        for _ in 0..2 {
            assert!(verify(FOREIGN, "password", &mut blocks).unwrap());
            assert!(!verify(FOREIGN, "differentpassword", &mut blocks).unwrap());
            assert_eq!(hash(b"0123456789abcdef", "correct horse", &mut blocks).unwrap(), own);
        }
        assert!(is_current(&own) && !is_current(FOREIGN));
    }

    #[test]
    fn what_is_no_hash_is_an_error() {
        for stored in ["", "password", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", "$scrypt$ln=1$c29tZXNhbHQ$CTFhFdXPJO0"]
        {
            assert!(verify(stored, "password", &mut Blocks::new()).is_err(), "{stored}");
        }
    }
}

//! Secrets at rest and signing keys in memory.
//!
//! One master key, kept outside the database, gives the key that hashes
//! opaque secrets and the key that seals private signing keys. Signing keys
//! rotate; the old ones verify until the last token they signed has expired.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use aws_lc_rs::{constant_time, digest, hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use polity_api::ids::{SigningKeyId, WebhookId};
use polity_api::scalar::{Timestamp, micros};
use polity_store::{Hash, signing_keys};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ctx::{Ctx, Random};
use crate::error::{Error, Result};

/// How long a new key is published before it signs; replicas read the keys
/// every minute.
const PUBLISHED_MICROS: i64 = 10 * micros::MINUTE;

/// Secrets and signing keys.
pub struct Keys {
    hash: hmac::Key,
    seal: Seal,
    seal_webhooks: Seal,
    pkce: hmac::Key,
    operator: Hash,
    signing: RwLock<Arc<SigningKeys>>,
}

/// The signing keys in memory, the newest first.
#[derive(Default)]
pub(crate) struct SigningKeys(Vec<SigningKey>);

pub(crate) struct SigningKey {
    id: SigningKeyId,
    created_at: Timestamp,
    pair: Ed25519KeyPair,
    pub(crate) decoding: DecodingKey,
}

impl SigningKey {
    /// A token in the compact form (RFC 7515). Not by `jsonwebtoken::encode`, which
    /// derives the public key anew each time, as dear as the signature.
    fn sign<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String> {
        let header =
            Header { kid: Some(self.id.to_string()), typ: Some(kind.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let mut token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).map_err(Error::internal)?);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).map_err(Error::internal)?, &mut token);
        let signature = self.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

struct Bytes32;
impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

impl Keys {
    /// Derives the keys from the master key; `operator` is the operator's key.
    ///
    /// # Errors
    /// When the key derivation fails.
    pub fn new(master: &[u8; 32], operator: &str) -> Result<Keys> {
        let hash = hmac::Key::new(hmac::HMAC_SHA256, &derive(master, b"polity hash of secrets v1")?);
        Ok(Keys {
            operator: tag(&hash, operator),
            hash,
            seal: Seal::new("a signing key", &derive(master, b"polity seal of private keys v1")?)?,
            seal_webhooks: Seal::new(
                "the secret of a webhook",
                &derive(master, b"polity seal of webhook secrets v1")?,
            )?,
            pkce: hmac::Key::new(hmac::HMAC_SHA256, &derive(master, b"polity pkce verifiers v1")?),
            signing: RwLock::default(),
        })
    }

    /// The keyed hash under which a secret is stored.
    #[must_use]
    pub fn hash(&self, secret: &str) -> Hash {
        tag(&self.hash, secret)
    }

    /// Whether a hash is that of the operator's key; takes the same time for all.
    pub(crate) fn is_operator(&self, hash: &Hash) -> bool {
        constant_time::verify_slices_are_equal(hash, &self.operator).is_ok()
    }

    fn signing(&self) -> Arc<SigningKeys> {
        self.signing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs claims with the newest key that everybody knows by now: one that
    /// was just made is published for a while before it signs, for the replicas
    /// and for services that keep the key set. `kind` is the `typ` of the token.
    ///
    /// # Errors
    /// When there is no key yet.
    pub(crate) fn sign<T: Serialize>(&self, now: Timestamp, kind: &str, claims: &T) -> Result<String> {
        let keys = self.signing();
        let known = keys.0.iter().find(|key| key.created_at.plus(PUBLISHED_MICROS) <= now);
        known.or(keys.0.last()).ok_or_else(|| Error::internal("there is no signing key"))?.sign(kind, claims)
    }

    /// Runs `f` with the signing key of this id.
    pub(crate) fn with_key<T>(&self, id: &str, f: impl FnOnce(&SigningKey) -> Option<T>) -> Option<T> {
        let id: SigningKeyId = id.parse().ok()?;
        self.signing().0.iter().find(|key| key.id == id).and_then(f)
    }

    /// The public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<_> = self
            .signing()
            .0
            .iter()
            .map(|key| {
                json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                    "kid": key.id, "x": URL_SAFE_NO_PAD.encode(key.pair.public_key()),
                })
            })
            .collect();
        json!({ "keys": keys })
    }

    /// The PKCE verifier (RFC 7636) of a flow: 43 characters.
    pub(crate) fn pkce_verifier(&self, flow: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.pkce, flow.as_bytes()))
    }

    /// Seals the secret of a webhook, so that only its own row opens it.
    pub(crate) fn seal_webhook(&self, random: &Random, id: WebhookId, plain: &[u8]) -> Result<Vec<u8>> {
        self.seal_webhooks.seal(random, id.0, plain)
    }

    /// The secret of a webhook.
    pub(crate) fn open_webhook(&self, id: WebhookId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.seal_webhooks.open(id.0, sealed)
    }
}

/// Seals secrets of one kind at rest; each opens for its own id only.
struct Seal {
    what: &'static str,
    key: LessSafeKey,
}

impl Seal {
    fn new(what: &'static str, key: &[u8; 32]) -> Result<Seal> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::internal("cannot derive the seal"))?;
        Ok(Seal { what, key: LessSafeKey::new(key) })
    }

    fn seal(&self, random: &Random, id: Uuid, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; 12] = random.bytes();
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(id.as_bytes()), &mut sealed)
            .map_err(|_| Error::internal(format!("cannot seal {}", self.what)))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, id: Uuid, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let failed = || Error::internal(WrongKey(self.what));
        let (nonce, sealed) = sealed.split_at_checked(12).ok_or_else(failed)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed())?;
        let opened = self.key.open_in_place(nonce, Aad::from(id.as_bytes()), &mut plain).map_err(|_| failed())?.len();
        plain.truncate(opened);
        Ok(plain)
    }
}

/// What cannot be opened with the master key.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0} cannot be unsealed: is this the secret key it was sealed with?")]
pub struct WrongKey(&'static str);

/// Whether there are signing keys: then a master key sealed them.
///
/// # Errors
/// When the store refuses.
pub async fn exist(ctx: &Ctx) -> Result<bool> {
    Ok(!stored(ctx).await?.is_empty())
}

async fn stored(ctx: &Ctx) -> Result<Vec<signing_keys::SigningKeyRow>> {
    ctx.read("load_signing_keys", (), |w, ()| Box::pin(async move { Ok(signing_keys::all(w.tx).await?) })).await
}

/// Loads the signing keys, makes one when the newest is older than the
/// rotation, and forgets those no living token can be signed with.
///
/// # Errors
/// When the store refuses, or a key was sealed with another master key.
pub async fn rotate(ctx: &Ctx) -> Result<()> {
    let mut rows = stored(ctx).await?;
    if is_rotation_due(ctx, &rows) {
        let new = new_row(ctx)?;
        let rotated = ctx.write("rotate_signing_keys", new, |w, new| {
            Box::pin(async move {
                // Another replica may have been faster.
                if is_rotation_due(w.ctx, &signing_keys::all(w.tx).await?) {
                    signing_keys::insert(w.tx, new).await?;
                    let longest = w.ctx.settings.session_micros.max(crate::settings::ACCESS_TOKEN_MAX_MICROS);
                    let rotation = w.ctx.settings.key_rotation_micros;
                    signing_keys::delete_before(w.tx, w.now.plus(-rotation - 2 * longest)).await?;
                }
                Ok(signing_keys::all(w.tx).await?)
            })
        });
        rows = rotated.await?;
    }
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let pkcs8 = ctx.keys.seal.open(row.id.0, &row.sealed_private_key)?;
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(Error::internal)?;
        let decoding = DecodingKey::from_ed_der(pair.public_key().as_ref());
        keys.push(SigningKey { id: row.id, created_at: row.created_at, pair, decoding });
    }
    *ctx.keys.signing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(SigningKeys(keys));
    Ok(())
}

/// Whether the newest signing key is due to be followed by another.
fn is_rotation_due(ctx: &Ctx, rows: &[signing_keys::SigningKeyRow]) -> bool {
    let rotation = ctx.settings.key_rotation_micros;
    rows.first().is_none_or(|newest| newest.created_at.plus(rotation) <= ctx.now())
}

fn new_row(ctx: &Ctx) -> Result<signing_keys::SigningKeyRow> {
    let failed = |_| Error::internal("cannot make a signing key");
    let seed = Zeroizing::new(ctx.random.bytes::<32>());
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(failed)?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|_| Error::internal("cannot encode a signing key"))?;
    let id = SigningKeyId::from_random(ctx.random.bytes());
    Ok(signing_keys::SigningKeyRow {
        id,
        public_key: pair.public_key().as_ref().to_vec(),
        sealed_private_key: ctx.keys.seal.seal(&ctx.random, id.0, pkcs8.as_ref())?,
        created_at: ctx.now(),
    })
}

fn tag(key: &hmac::Key, text: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(hmac::sign(key, text.as_bytes()).as_ref());
    hash
}

fn derive(master: &[u8; 32], purpose: &'static [u8]) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"polity")
        .extract(master)
        .expand(&[purpose], Bytes32)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| Error::internal("key derivation failed"))?;
    Ok(key)
}

/// The SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

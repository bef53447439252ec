//! The key of the app, and whether a token was signed with it.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::github::APP_ID;

/// The longest an app's token may last, in seconds.
const LONGEST: i64 = 600;
/// How far clocks may differ, in seconds.
const DRIFT: i64 = 30;
/// Before the key itself, PKCS#8 says that it is one of RSA.
const PKCS8_HEAD: usize = 26;

/// A private key of an app.
pub struct AppKey {
    pair: RsaKeyPair,
    pkcs8: Vec<u8>,
}

impl AppKey {
    /// A new key.
    #[must_use]
    pub fn generate() -> AppKey {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let pkcs8 = pair.as_der().expect("a key in DER").as_ref().to_vec();
        AppKey { pair, pkcs8 }
    }

    /// The key of all apps of this process: making one takes a while.
    pub fn shared() -> &'static AppKey {
        static KEY: OnceLock<AppKey> = OnceLock::new();
        KEY.get_or_init(AppKey::generate)
    }

    /// As GitHub hands it out.
    #[must_use]
    pub fn pkcs1_pem(&self) -> String {
        pem("RSA PRIVATE KEY", &self.pkcs8[PKCS8_HEAD..])
    }

    /// As other tools convert it.
    #[must_use]
    pub fn pkcs8_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }

    /// What is wrong with a token of the app; nothing with a good one.
    pub(crate) fn check(&self, token: &str, now: i64) -> Result<(), String> {
        let (signed, signature) = token.rsplit_once('.').ok_or("A JSON web token could not be decoded")?;
        let (header, claims) = signed.split_once('.').ok_or("A JSON web token could not be decoded")?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "A JSON web token could not be decoded");
        let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).map_err(|_| "not JSON");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref());
        let (header, claims) = (json(header)?, json(claims)?);
        public.verify(signed.as_bytes(), &decode(signature)?).map_err(|_| "Integration must generate a public key")?;
        let (issued, ends) = (claims["iat"].as_i64().unwrap_or(i64::MAX), claims["exp"].as_i64().unwrap_or(0));
        match () {
            () if header["alg"] != "RS256" => Err("the algorithm must be RS256".into()),
            () if claims["iss"].as_str() != Some(APP_ID.to_string().as_str()) => {
                Err("'Issuer' claim ('iss') must be the id of the app".into())
            }
            () if issued > now => Err("'Issued at' claim ('iat') must be an Integer in the past".into()),
            () if ends <= now - DRIFT => Err("'Expiration time' claim ('exp') must be in the future".into()),
            () if ends > now + LONGEST => Err("'Expiration time' claim ('exp') is too far in the future".into()),
            () => Ok(()),
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

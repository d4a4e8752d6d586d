//! Keys: ECDSA on P-256, as cosign and openssl write them.

use std::{env, fmt, fs};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crypto_secretbox::XSalsa20Poly1305;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::der::pem;
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _};
use serde::Deserialize;

use crate::digest::Digest;

/// The variable of the environment that holds the password of an encrypted key: cosign's own.
pub const PASSWORD: &str = "COSIGN_PASSWORD";

/// What signs.
pub struct PrivateKey(SigningKey);

/// What tells who signed.
#[derive(Clone, Debug)]
pub struct PublicKey {
    key: VerifyingKey,
    name: String,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PrivateKey {
    /// Reads a key from a file, or from a variable of the environment as `env://NAME`.
    ///
    /// # Errors
    /// It is not there, is no P-256 key, or its password is wrong.
    pub fn read(place: &str) -> Result<PrivateKey> {
        let password = env::var(PASSWORD).ok();
        PrivateKey::parse(&text(place)?, password.as_deref()).with_context(|| format!("the key {place}"))
    }

    /// Reads a key: PKCS #8, as openssl writes it, or the same encrypted, as cosign does.
    ///
    /// # Errors
    /// See [`PrivateKey::read`].
    pub fn parse(text: &str, password: Option<&str>) -> Result<PrivateKey> {
        let (label, bytes) = pem::decode_vec(text.trim().as_bytes()).map_err(|error| anyhow!("is no PEM: {error}"))?;
        let der = match label {
            "PRIVATE KEY" => bytes,
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                decrypted(&bytes, password.with_context(|| format!("is encrypted; set {PASSWORD}"))?)?
            }
            "PUBLIC KEY" => bail!("is a public key; signing needs the private one"),
            other => bail!(
                "is {other:?}; expected \"PRIVATE KEY\" (`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`) or cosign's (`cosign generate-key-pair`)"
            ),
        };
        Ok(PrivateKey(SigningKey::from_pkcs8_der(&der).map_err(|error| anyhow!("is no P-256 key: {error}"))?))
    }

    /// Signs; the same bytes get the same signature.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(bytes);
        signature.to_der().as_bytes().to_vec()
    }

    /// The key that tells what this one signed.
    pub fn public(&self) -> PublicKey {
        PublicKey::new(*self.0.verifying_key())
    }
}

impl PublicKey {
    /// Reads a key from a file, or from a variable of the environment as `env://NAME`.
    ///
    /// # Errors
    /// It is not there, or is no P-256 key.
    pub fn read(place: &str) -> Result<PublicKey> {
        PublicKey::parse(&text(place)?).with_context(|| format!("the key {place}"))
    }

    /// Reads a public key in PEM.
    ///
    /// # Errors
    /// It is none on P-256.
    pub fn parse(text: &str) -> Result<PublicKey> {
        if text.contains("PRIVATE KEY") {
            bail!("is a private key; verifying needs the public one, and the private one stays where it is");
        }
        let key =
            VerifyingKey::from_public_key_pem(text.trim()).map_err(|error| anyhow!("is no P-256 key: {error}"))?;
        Ok(PublicKey::new(key))
    }

    fn new(key: VerifyingKey) -> PublicKey {
        let name = key.to_public_key_der().map(|der| Digest::of(der.as_bytes()).short().to_owned());
        PublicKey { key, name: format!("the key {}", name.unwrap_or_default()) }
    }

    /// Whether this key's private one made the signature, in DER, over these bytes.
    pub fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.key.verify(bytes, &signature).is_ok())
    }
}

fn text(place: &str) -> Result<String> {
    match place.strip_prefix("env://") {
        Some(name) => env::var(name).with_context(|| format!("{name} is not set")),
        None => fs::read_to_string(place).with_context(|| format!("cannot read the key {place}")),
    }
}

/// How cosign encrypts a key: a password stretched by scrypt, and NaCl's secretbox.
#[derive(Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: KdfParams,
    salt: String,
}

#[derive(Deserialize)]
struct KdfParams {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The most work that a key's file may ask for: cosign asks for 65,536.
const MOST_N: u64 = 1 << 20;

fn decrypted(bytes: &[u8], password: &str) -> Result<Vec<u8>> {
    let encrypted: Encrypted = serde_json::from_slice(bytes).context("is encrypted in a way that is not cosign's")?;
    let Encrypted { kdf, cipher, ciphertext } = encrypted;
    let KdfParams { n, r, p } = kdf.params;
    if kdf.name != "scrypt" || cipher.name != "nacl/secretbox" {
        bail!("is encrypted with {} and {}; expected scrypt and nacl/secretbox", kdf.name, cipher.name);
    }
    if !n.is_power_of_two() || !(2..=MOST_N).contains(&n) || r > 64 || p > 16 {
        bail!("asks for scrypt with N={n}, r={r}, p={p}, which is more than any key needs");
    }
    let decode = |text: &str| BASE64.decode(text).context("is encrypted, and not in base64");
    let (salt, nonce, ciphertext) = (decode(&kdf.salt)?, decode(&cipher.nonce)?, decode(&ciphertext)?);
    let params = scrypt::Params::new(n.ilog2() as u8, r, p).map_err(|error| anyhow!("its scrypt: {error}"))?;
    let mut key = [0; 32];
    scrypt::scrypt(password.as_bytes(), &salt, &params, &mut key).map_err(|error| anyhow!("its scrypt: {error}"))?;
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| anyhow!("its nonce has not 24 bytes"))?;
    XSalsa20Poly1305::new(&key.into())
        .decrypt(&nonce.into(), ciphertext.as_slice())
        .map_err(|_| anyhow!("does not open with the password in {PASSWORD}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for these tests by `cosign generate-key-pair`, with the password `test`; signs nothing else.
    const ENCRYPTED: &str = include_str!("fixtures/cosign.key");
    const PUBLIC: &str = include_str!("fixtures/cosign.pub");

    /// A key as openssl writes it.
    fn plain() -> String {
        use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
        SigningKey::from_slice(&[7; 32]).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    #[test]
    fn what_is_signed_is_known_and_nothing_else() {
        let key = PrivateKey::parse(&plain(), None).unwrap();
        let signature = key.sign(b"image");
        assert_eq!(signature, key.sign(b"image"));
        assert!(key.public().signed(b"image", &signature));
        assert!(!key.public().signed(b"another", &signature));
        assert!(!key.public().signed(b"image", &signature[1..]));
        assert!(!PublicKey::parse(PUBLIC).unwrap().signed(b"image", &signature));
    }

    #[test]
    fn cosigns_key_opens_with_its_password_only() {
        let key = PrivateKey::parse(ENCRYPTED, Some("test")).unwrap();
        assert!(PublicKey::parse(PUBLIC).unwrap().signed(b"image", &key.sign(b"image")));
        let error = |password| format!("{:#}", PrivateKey::parse(ENCRYPTED, password).unwrap_err());
        assert!(error(Some("wrong")).contains("does not open with the password in COSIGN_PASSWORD"));
        assert!(error(None).contains("set COSIGN_PASSWORD"));
    }

    #[test]
    fn the_wrong_half_is_told() {
        assert!(PrivateKey::parse(PUBLIC, None).unwrap_err().to_string().contains("is a public key"));
        assert!(PublicKey::parse(&plain()).unwrap_err().to_string().contains("is a private key"));
        assert!(PrivateKey::parse("junk", None).unwrap_err().to_string().contains("is no PEM"));
    }

    #[test]
    fn a_key_that_asks_for_too_much_work_is_refused() {
        let bytes = br#"{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":8,"p":1},"salt":""},"cipher":{"name":"nacl/secretbox","nonce":""},"ciphertext":""}"#;
        assert!(decrypted(bytes, "x").unwrap_err().to_string().contains("more than any key needs"));
    }
}

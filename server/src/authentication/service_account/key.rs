//! The keys that sign and check ServiceAccount tokens: RSA (RS256) and P-256 (ES256).
//!
//! The algorithm is the key's, never the token's: a token that claims another one is refused. A key's id is the
//! base64url SHA-256 of its SubjectPublicKeyInfo, as upstream derives it, so that a cluster can keep its keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A key that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is no PEM, or has no key in it.
    #[error("there is no PEM block of a PKCS#8 private key or a public key")]
    NoPem,
    /// The key is neither RSA of 2048 to 8192 bits nor P-256.
    #[error("the key is neither RSA of 2048 to 8192 bits nor ECDSA P-256")]
    Unsupported,
    /// Signing failed, which is a failure of the random source.
    #[error("the token could not be signed")]
    Sign,
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// The name in a JWT's header and a JWK.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// A public key, with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    id: String,
    material: Material,
}

/// The numbers of a public key, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Material {
    /// The uncompressed point: `04`, x, y.
    P256 { point: Vec<u8> },
    /// Modulus and exponent without leading zeros, and both as PKCS#1 DER.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8>, pkcs1: Vec<u8> },
}

impl VerifyingKey {
    /// A key from a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When it is none, or of an unsupported kind.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Unsupported)?;
        if !rest.is_empty() {
            return Err(KeyError::Unsupported);
        }
        let trim = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        let material = match info.parsed().map_err(|_| KeyError::Unsupported)? {
            PublicKey::EC(point) if point.data().len() == 65 && point.data()[0] == 4 && is_p256(&info) => {
                Material::P256 { point: point.data().to_vec() }
            }
            PublicKey::RSA(key) if (2048..=8192).contains(&(trim(key.modulus).len() * 8)) => Material::Rsa {
                modulus: trim(key.modulus),
                exponent: trim(key.exponent),
                pkcs1: info.subject_public_key.data.to_vec(),
            },
            _ => return Err(KeyError::Unsupported),
        };
        Ok(Self { id: URL_SAFE_NO_PAD.encode(digest(&SHA256, der)), material })
    }

    /// The keys of a PEM file: public ones, and the public halves of private ones.
    ///
    /// # Errors
    /// When there is none, or one is unsupported.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            match block.map_err(|_| KeyError::NoPem)? {
                (SectionKind::PublicKey, der) => keys.push(Self::from_spki(&der)?),
                (SectionKind::PrivateKey, der) => keys.push(SigningKey::from_pkcs8(&der)?.verifying_key().clone()),
                _ => {}
            }
        }
        if keys.is_empty() { Err(KeyError::NoPem) } else { Ok(keys) }
    }

    /// The key's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The one algorithm this key is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::P256 { .. } => Algorithm::Es256,
            Material::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::P256 { point } => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Rsa { pkcs1, .. } => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pkcs1).verify(message, signature)
            }
        };
        verified.is_ok()
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }
}

fn is_p256(info: &SubjectPublicKeyInfo<'_>) -> bool {
    let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    curve.is_some_and(|curve| curve.to_id_string() == "1.2.840.10045.3.1.7")
}

/// A private key that signs tokens.
pub struct SigningKey {
    pair: Pair,
    verifying: VerifyingKey,
    random: SystemRandom,
}

enum Pair {
    P256(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningKey").field("id", &self.verifying.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A key from DER PKCS#8.
    ///
    /// # Errors
    /// When it is none, or of an unsupported kind.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random) {
            let verifying = VerifyingKey::from_spki(&p256_spki(pair.public_key().as_ref()))?;
            return Ok(Self { pair: Pair::P256(Box::new(pair)), verifying, random });
        }
        let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Unsupported)?;
        let verifying = VerifyingKey::from_spki(&rsa_spki(pair.public().as_ref()))?;
        Ok(Self { pair: Pair::Rsa(Box::new(pair)), verifying, random })
    }

    /// The first PKCS#8 private key of a PEM file.
    ///
    /// # Errors
    /// When there is none, or it is of an unsupported kind.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            if let (SectionKind::PrivateKey, der) = block.map_err(|_| KeyError::NoPem)? {
                return Self::from_pkcs8(&der);
            }
        }
        Err(KeyError::NoPem)
    }

    /// A new P-256 key, as DER PKCS#8; the caller keeps it.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate_pkcs8() -> Result<Vec<u8>, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Ok(document.map_err(|_| KeyError::Sign)?.as_ref().to_vec())
    }

    /// The public half.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Signs a message.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::P256(pair) => Ok(pair.sign(&self.random, message).map_err(|_| KeyError::Sign)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature).map_err(|_| KeyError::Sign)?;
                Ok(signature)
            }
        }
    }
}

/// The SubjectPublicKeyInfo of a P-256 point (RFC 5480).
fn p256_spki(point: &[u8]) -> Vec<u8> {
    const ALGORITHM: &[u8] = &[
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x03, 0x01, 0x07,
    ];
    spki(ALGORITHM, point)
}

/// The SubjectPublicKeyInfo of a PKCS#1 RSA key (RFC 3279).
fn rsa_spki(pkcs1: &[u8]) -> Vec<u8> {
    const ALGORITHM: &[u8] =
        &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    spki(ALGORITHM, pkcs1)
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bit_string = [&[0][..], key].concat();
    let content = [algorithm.to_vec(), der(0x03, &bit_string)].concat();
    der(0x30, &content)
}

/// One DER element.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    match (content.len(), u8::try_from(significant.len())) {
        (0..=0x7f, _) => element.push(significant.first().copied().unwrap_or_default()),
        (_, Ok(count)) => {
            element.push(0x80 | count);
            element.extend(significant);
        }
        (_, Err(_)) => unreachable!("a length has at most eight bytes"),
    }
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
#[path = "key_test.rs"]
mod tests;

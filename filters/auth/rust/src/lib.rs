//! draft
#![allow(dead_code)]
mod base64;
mod hex;
mod json;
mod jwk;
mod jwks;
mod jwt;
mod keys;
mod refusal;
#[cfg(test)]
mod vectors;

//! draft
#![allow(dead_code)]
mod api_key;
mod base64;
mod basic;
mod cache;
mod hex;
mod json;
mod jwk;
mod jwks;
mod jwt;
mod keys;
mod path;
mod place;
mod refusal;
mod replay;
mod request;
mod rules;
mod signature;
#[cfg(test)]
mod vectors;

//! draft
#![allow(dead_code)]
mod base64;
#[cfg(test)]
mod dice;
mod hex;
mod json;
mod keys;

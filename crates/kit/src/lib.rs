//! What the Rust filters share: headers as bytes and configuration errors that name the field.

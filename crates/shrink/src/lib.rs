//! Shrinks.

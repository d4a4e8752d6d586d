//! Starts Envoy.

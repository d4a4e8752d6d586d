//! The media types of images, of their parts, and of what is attached to them.

/// An image's manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// A list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A container image's configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer of a container image: a packed archive.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The same as Docker wrote it before OCI.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The same as Docker wrote it before OCI.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// The same as Docker wrote it before OCI.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The configuration of the Wasm artifact for Envoy (solo.io's Wasm image specification).
pub const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
/// Its layer: the module itself.
pub const WASM_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// The configuration of the CNCF's Wasm artifact.
pub const CNCF_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// Its layer: the module itself.
pub const CNCF_LAYER: &str = "application/wasm";

/// The configuration of what has none.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The bill of materials that is attached to an image.
pub const SBOM: &str = "application/vnd.cyclonedx+json";
/// The names of a module's functions, which are attached to an image.
pub const SYMBOLS: &str = "application/vnd.weir.symbols.v1+text";
/// What a signature is over, as cosign writes it.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// What was built from some inputs, kept for another machine.
pub const BUILD: &str = "application/vnd.weir.build.v1";

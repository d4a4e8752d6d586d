//! The fixtures are what their sources say. `WEIR_BLESS=1` assembles them anew.

use std::path::Path;

#[test]
fn every_module_is_its_source_assembled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path());
    let sources: Vec<_> = files.filter(|it| it.extension().is_some_and(|it| it == "wat")).collect();
    assert!(!sources.is_empty(), "{} holds no source", folder.display());
    for source in sources {
        let module = source.with_extension("wasm");
        let assembled = wat::parse_file(&source).unwrap();
        if std::env::var_os("WEIR_BLESS").is_some_and(|it| it == "1") {
            std::fs::write(&module, &assembled).unwrap();
        }
        let kept = std::fs::read(&module).unwrap_or_default();
        assert!(kept == assembled, "{} differs from its source; WEIR_BLESS=1 writes it anew", module.display());
    }
}

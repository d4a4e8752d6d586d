//! The layer of a compat image: an archive that holds the module as `plugin.wasm`, and nothing else.
//!
//! What is read may come from anyone: it is read from memory and never unpacked to disk, so that no path in it leads
//! anywhere, and no more is unpacked than a module may have bytes.

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tar::{Archive, Builder, EntryType, Header};
use thiserror::Error;

/// The name that Istio, Envoy Gateway and kgateway look for.
pub const MODULE: &str = "plugin.wasm";

/// Why a layer holds no module.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The bytes are no packed archive.
    #[error("the layer is no gzip-packed tar archive: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The archive holds other things.
    #[error("the layer holds no file `plugin.wasm`: it is not a Wasm image of the compat layout")]
    NoModule,
    /// The archive lies about what it is.
    #[error("the layer's `plugin.wasm` is {0}, not a file")]
    NoFile(&'static str),
    /// More than a module may have.
    #[error("the layer unpacks to more than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
}

/// Packs a module: the archive's bytes, then the packed archive's.
///
/// The same module gives the same bytes: no time, no owner, one compressor.
///
/// # Errors
/// None is expected: everything is written to memory.
pub fn pack(module: &[u8]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut header = Header::new_ustar();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(EntryType::Regular);
    let mut archive = Builder::new(Vec::new());
    archive.append_data(&mut header, MODULE, module)?;
    let archive = archive.into_inner()?;
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&archive)?;
    Ok((archive, packer.finish()?))
}

/// The module in a layer, of at most `limit` bytes.
///
/// # Errors
/// The layer is no packed archive, holds no module, or unpacks to more than `limit` bytes with its headers.
pub fn unpack(layer: &[u8], limit: u64) -> Result<Vec<u8>, ArchiveError> {
    // One byte more than allowed tells that there is more.
    let mut unpacked = Vec::new();
    let most = limit.saturating_add(SLACK);
    MultiGzDecoder::new(layer).take(most + 1).read_to_end(&mut unpacked).map_err(ArchiveError::Unreadable)?;
    if unpacked.len() as u64 > most {
        return Err(ArchiveError::TooLarge { limit });
    }
    let mut archive = Archive::new(unpacked.as_slice());
    for entry in archive.entries().map_err(ArchiveError::Unreadable)? {
        let mut entry = entry.map_err(ArchiveError::Unreadable)?;
        let is_module = entry.path().is_ok_and(|path| path.file_name().is_some_and(|name| name == MODULE));
        if !is_module {
            continue;
        }
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Symlink | EntryType::Link => return Err(ArchiveError::NoFile("a link")),
            _ => return Err(ArchiveError::NoFile("something else")),
        }
        if entry.size() > limit {
            return Err(ArchiveError::TooLarge { limit });
        }
        let mut module = Vec::new();
        entry.read_to_end(&mut module).map_err(ArchiveError::Unreadable)?;
        return Ok(module);
    }
    Err(ArchiveError::NoModule)
}

/// What an archive may hold beside the module: headers, padding, the files of a Dockerfile's author.
const SLACK: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 16;

    fn packed(write: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        write(&mut archive);
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&archive.into_inner().unwrap()).unwrap();
        packer.finish().unwrap()
    }

    /// A header whose path `tar` itself would refuse to write.
    fn raw(path: &str, kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header
    }

    #[test]
    fn what_is_packed_is_unpacked_and_the_same_each_time() {
        let (archive, layer) = pack(b"module").unwrap();
        assert_eq!(pack(b"module").unwrap(), (archive, layer.clone()));
        assert_eq!(unpack(&layer, LIMIT).unwrap(), b"module");
    }

    #[test]
    fn a_module_deeper_in_is_found_as_a_mesh_finds_it() {
        let layer = packed(|archive| {
            archive.append(&raw("README", EntryType::Regular, 2), &b"hi"[..]).unwrap();
            archive.append(&raw("./plugin.wasm", EntryType::Regular, 1), &b"m"[..]).unwrap();
        });
        assert_eq!(unpack(&layer, LIMIT).unwrap(), b"m");
    }

    #[test]
    fn no_path_leads_out_because_none_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("plugin.wasm");
        for path in ["../../../../../../tmp/plugin.wasm", "/tmp/plugin.wasm"] {
            let layer = packed(|archive| archive.append(&raw(path, EntryType::Regular, 1), &b"m"[..]).unwrap());
            assert_eq!(unpack(&layer, LIMIT).unwrap(), b"m");
            assert!(!target.exists());
        }
        let link = packed(|archive| archive.append(&raw("plugin.wasm", EntryType::Symlink, 0), &b""[..]).unwrap());
        assert!(matches!(unpack(&link, LIMIT), Err(ArchiveError::NoFile("a link"))));
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused_before_it_is_there() {
        let zeros = packed(|archive| {
            let size = LIMIT + SLACK + 1;
            archive.append(&raw("plugin.wasm", EntryType::Regular, size), std::io::repeat(0).take(size)).unwrap();
        });
        assert!(zeros.len() < 10_000, "a bomb is small: {}", zeros.len());
        assert!(matches!(unpack(&zeros, LIMIT), Err(ArchiveError::TooLarge { limit: LIMIT })));
        let hidden = packed(|archive| {
            let size = LIMIT + SLACK + 1;
            archive.append(&raw("other", EntryType::Regular, size), std::io::repeat(0).take(size)).unwrap();
            archive.append(&raw("plugin.wasm", EntryType::Regular, 1), &b"m"[..]).unwrap();
        });
        assert!(matches!(unpack(&hidden, LIMIT), Err(ArchiveError::TooLarge { limit: LIMIT })));
        let large = packed(|archive| {
            let bytes = vec![0; LIMIT as usize + 1];
            archive.append(&raw("plugin.wasm", EntryType::Regular, LIMIT + 1), bytes.as_slice()).unwrap();
        });
        assert!(matches!(unpack(&large, LIMIT), Err(ArchiveError::TooLarge { .. })));
    }

    #[test]
    fn what_is_no_module_is_told() {
        assert!(matches!(unpack(b"junk", LIMIT), Err(ArchiveError::Unreadable(_))));
        let other = packed(|archive| archive.append(&raw("other", EntryType::Regular, 1), &b"m"[..]).unwrap());
        assert!(matches!(unpack(&other, LIMIT), Err(ArchiveError::NoModule)));
        let (_, layer) = pack(&[1; 1000]).unwrap();
        assert!(matches!(unpack(&layer[..layer.len() / 2], LIMIT), Err(ArchiveError::Unreadable(_))));
    }
}

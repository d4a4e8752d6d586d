//! Lists of pairs as they cross the ABI: a count, then the lengths, then the bytes, each followed by a NUL.

use crate::headers::Header;

/// What the host reads at most: more is read as nothing.
const MOST_BYTES: usize = 1 << 20;
const MOST_PAIRS: usize = 1024;

/// The bytes of a list.
pub(crate) fn write(pairs: &[Header]) -> Vec<u8> {
    let number = |number: usize| (number as u32).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(part);
        bytes.push(0);
    }
    bytes
}

/// The list that bytes stand for: an empty one where they are not exactly one list, as in Envoy.
pub(crate) fn read(bytes: &[u8]) -> Vec<Header> {
    if bytes.len() > MOST_BYTES { Vec::new() } else { list(bytes).unwrap_or_default() }
}

fn list(bytes: &[u8]) -> Option<Vec<Header>> {
    let mut at = 0;
    let count = number(bytes, &mut at)?;
    if count > MOST_PAIRS {
        return None;
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        lengths.push((number(bytes, &mut at)?, number(bytes, &mut at)?));
    }
    let mut pairs = Vec::with_capacity(count);
    for (name, value) in lengths {
        pairs.push((terminated(bytes, &mut at, name)?, terminated(bytes, &mut at, value)?));
    }
    (at == bytes.len()).then_some(pairs)
}

fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let number = bytes.get(*at..*at + 4)?.try_into().ok().map(u32::from_le_bytes)?;
    *at += 4;
    Some(number as usize)
}

fn terminated(bytes: &[u8], at: &mut usize, length: usize) -> Option<Vec<u8>> {
    let end = at.checked_add(length)?;
    let part = bytes.get(*at..end)?.to_vec();
    *at = end + 1;
    (bytes.get(end) == Some(&0)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let pairs = vec![(b"a".to_vec(), b"\xff\0".to_vec()), (Vec::new(), Vec::new())];
        assert_eq!(write(&pairs).len(), 4 + 16 + 2 + 3 + 1 + 1);
        assert_eq!(read(&write(&pairs)), pairs);
    }

    #[test]
    fn what_is_no_list_is_read_as_an_empty_one() {
        let good = write(&[(b"a".to_vec(), b"b".to_vec())]);
        let longer = [&good[..], b"x"].concat();
        let mut unterminated = good.clone();
        *unterminated.last_mut().unwrap() = 1;
        let many = write(&vec![(Vec::new(), Vec::new()); MOST_PAIRS + 1]);
        for bytes in [&b""[..], &good[..good.len() - 1], &longer, &unterminated, &many, &u32::MAX.to_le_bytes()] {
            assert_eq!(read(bytes), []);
        }
    }
}

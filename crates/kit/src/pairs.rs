//! A whole header map as the host hands it over: one buffer, read in place.
//!
//! The buffer is the ABI's: the number of pairs, then the lengths of each name and value, then names and values, each
//! with a NUL behind it; numbers are 32 bits, little-endian.

/// The headers of a message in their order, as bytes. Names repeat where a header does, and proxies hand them over in
/// lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<u8>);

impl Pairs {
    /// Takes the buffer as it came from the host. One that is not whole ends where it breaks off.
    pub(crate) fn from_host(buffer: Vec<u8>) -> Pairs {
        Pairs(buffer)
    }

    /// Names and values, in the order of the message.
    pub fn iter(&self) -> Iter<'_> {
        let count = number(&self.0, 0).unwrap_or(0);
        Iter { buffer: &self.0, left: count, lengths: 4, text: count.saturating_mul(8).saturating_add(4) }
    }

    /// The values of all headers of this name, whatever its case, in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The value of the first header of this name, whatever its case.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Pairs {
        Pairs(encode(&pairs.into_iter().collect::<Vec<_>>()))
    }
}

impl<'a> IntoIterator for &'a Pairs {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Goes through [`Pairs`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    buffer: &'a [u8],
    left: usize,
    lengths: usize,
    text: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = self.piece(0)?;
        let value = self.piece(4)?;
        self.lengths += 8;
        Some((name, value))
    }
}

impl<'a> Iter<'a> {
    /// The piece whose length stands `offset` bytes into the lengths of this pair.
    fn piece(&mut self, offset: usize) -> Option<&'a [u8]> {
        let length = number(self.buffer, self.lengths + offset)?;
        let piece = self.buffer.get(self.text..self.text.checked_add(length)?)?;
        self.text += length + 1;
        Some(piece)
    }
}

fn number(buffer: &[u8], at: usize) -> Option<usize> {
    let bytes = buffer.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// The buffer of these pairs, as a host reads it.
pub(crate) fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Vec<u8> {
    let text: usize = pairs.iter().map(|(name, value)| name.as_ref().len() + value.as_ref().len() + 10).sum();
    let mut buffer = Vec::with_capacity(4 + text);
    buffer.extend_from_slice(&(pairs.len() as u32).to_le_bytes());
    for (name, value) in pairs {
        buffer.extend_from_slice(&(name.as_ref().len() as u32).to_le_bytes());
        buffer.extend_from_slice(&(value.as_ref().len() as u32).to_le_bytes());
    }
    for (name, value) in pairs {
        for piece in [name.as_ref(), value.as_ref()] {
            buffer.extend_from_slice(piece);
            buffer.push(0);
        }
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pairs: &Pairs) -> Vec<(&[u8], &[u8])> {
        pairs.iter().collect()
    }

    #[test]
    fn pairs_come_back_in_their_order_whatever_they_hold() {
        let wanted: [(&[u8], &[u8]); 4] = [(b":path", b"/"), (b"x-a", b""), (b"x\xff", b"a\0b\xff"), (b"X-A", b"2")];
        let pairs = Pairs::from_iter(wanted);
        assert_eq!(list(&pairs), wanted);
        assert_eq!(pairs.all("x-A").collect::<Vec<_>>(), [b"".as_slice(), b"2"]);
        assert_eq!(pairs.first("x-a"), Some(b"".as_slice()));
        assert_eq!(pairs.first("x-b"), None);
    }

    #[test]
    fn the_layout_is_the_abis() {
        let bytes = b"\x02\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0aa\0b\0c\0\0";
        assert_eq!(encode(&[("aa", "b"), ("c", "")]), bytes);
        assert_eq!(list(&Pairs::from_host(bytes.to_vec())), [(b"aa".as_slice(), b"b".as_slice()), (b"c", b"")]);
        assert_eq!(encode::<&str, &str>(&[]), [0; 4]);
    }

    #[test]
    fn a_buffer_that_is_not_whole_ends_early() {
        let whole = encode(&[("name", "value"), ("other", "")]);
        for length in 0..whole.len() - 1 {
            assert!(Pairs::from_host(whole[..length].to_vec()).iter().count() < 2, "{length}");
        }
        for buffer in [&[0xff; 4][..], &[0xff; 64], b"\x01\0\0\0\xff\xff\xff\xff\0\0\0\0a", &[1, 0, 0, 0]] {
            assert_eq!(Pairs::from_host(buffer.to_vec()).iter().count(), 0);
        }
    }
}

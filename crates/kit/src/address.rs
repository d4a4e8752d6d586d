//! Addresses of clients: reading them, networks in CIDR notation, and whom to believe in `x-forwarded-for`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str;

/// Reads an address of either family, with or without a port and brackets: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:80`. An IPv4 address that is written as one of IPv6 (`::ffff:192.0.2.1`) is IPv4.
pub fn parse(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(inner) => IpAddr::V6(inner.parse::<Ipv6Addr>().ok()?),
        None => match text.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

/// The first `length` bits of an address, the others zero: the network of that prefix it is in. A length beyond the
/// address's own leaves it as it is.
pub fn network(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length.into())).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(length.into())).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    length: u8,
}

impl Cidr {
    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or an address alone, which is a network of one. None where it is neither,
    /// and where bits behind the prefix are set: whoever writes `10.1.2.3/8` means something else than it says.
    pub fn parse(text: &[u8]) -> Option<Cidr> {
        let text = str::from_utf8(text).ok()?;
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address.parse::<IpAddr>().ok()?, Some(length)),
            None => (text.parse::<IpAddr>().ok()?.to_canonical(), None),
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            // `u8` would take a sign.
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        (length <= most && network(address, length) == address).then_some(Cidr { network: address, length })
    }

    /// Whether the address is in this network. One of the other family never is.
    pub fn contains(self, address: IpAddr) -> bool {
        network(address, self.length) == self.network
    }
}

/// Whom to believe about where a request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody but the proxy: the client is the address that it sees.
    Proxy,
    /// So many proxies, this one among them where it appends to `x-forwarded-for` itself (`use_remote_address`): the
    /// client is the address that stands so many places from the right in that header.
    Hops(usize),
    /// Proxies in these networks: the client is the rightmost address that is in none of them.
    Networks(Vec<Cidr>),
}

/// The address of the client: `source` is the one that the proxy sees, `forwarded` the values of `x-forwarded-for` in
/// their order. None where there is no address at all.
///
/// Whatever a client writes into the header stands to the left of what the trusted proxies wrote, and is not believed. A
/// list that is too short, or holds something that is no address where it matters, is not what the trusted proxies
/// would have written: then it is the address that the nearest of them vouches for, or `source`.
pub fn client<'a>(
    trust: &Trust,
    source: Option<IpAddr>,
    forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> Option<IpAddr> {
    let mut from_right =
        forwarded.rev().flat_map(|value| value.rsplit(|byte| *byte == b',')).map(|entry| parse(entry.trim_ascii()));
    match trust {
        Trust::Proxy => source,
        Trust::Hops(hops) => {
            let nth = hops.checked_sub(1).and_then(|before| from_right.nth(before)).flatten();
            nth.or(source)
        }
        Trust::Networks(networks) => {
            let mut client = source?;
            while networks.iter().any(|network| network.contains(client)) {
                let Some(Some(next)) = from_right.next() else {
                    break;
                };
                client = next;
            }
            Some(client)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_read_in_every_way_that_proxies_write_them() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:65535", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(ip(address)), "{text}");
        }
        let strange: [&[u8]; 12] = [
            b"",
            b"unknown",
            b"_hidden",
            b"192.0.2",
            b"192.0.2.256",
            b"192.0.2.1:",
            b"192.0.2.1:65536",
            b" 192.0.2.1",
            b"[192.0.2.1]",
            b"[2001:db8::1",
            b"2001:db8::1%eth0",
            b"\xff",
        ];
        for text in strange {
            assert_eq!(parse(text), None, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        for (cidr, inside, outside) in [
            ("10.0.0.0/8", vec!["10.0.0.0", "10.255.255.255"], vec!["9.255.255.255", "11.0.0.0", "::a00:0"]),
            ("192.0.2.128/25", vec!["192.0.2.128", "192.0.2.255"], vec!["192.0.2.127", "192.0.3.128"]),
            ("192.0.2.1", vec!["192.0.2.1"], vec!["192.0.2.0", "192.0.2.2"]),
            ("192.0.2.1/32", vec!["192.0.2.1"], vec!["192.0.2.0"]),
            ("0.0.0.0/0", vec!["0.0.0.0", "255.255.255.255"], vec!["::"]),
            ("2001:db8::/33", vec!["2001:db8:7fff::"], vec!["2001:db8:8000::", "2001:db9::"]),
            ("::/0", vec!["::", "ffff::"], vec!["0.0.0.0"]),
            ("::1", vec!["::1"], vec!["::2", "0.0.0.1"]),
        ] {
            let network = Cidr::parse(cidr.as_bytes()).unwrap();
            for address in inside {
                assert!(network.contains(ip(address)), "{cidr} {address}");
            }
            for address in outside {
                assert!(!network.contains(ip(address)), "{cidr} {address}");
            }
        }
    }

    #[test]
    fn a_network_that_is_none_is_refused() {
        for cidr in
            ["", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.1/8", "::/129", "::1/64"]
        {
            assert_eq!(Cidr::parse(cidr.as_bytes()), None, "{cidr}");
        }
    }

    #[test]
    fn a_prefix_keeps_the_network() {
        for (address, length, kept) in [
            ("192.0.2.77", 24, "192.0.2.0"),
            ("192.0.2.77", 32, "192.0.2.77"),
            ("192.0.2.77", 0, "0.0.0.0"),
            ("192.0.2.77", 200, "192.0.2.77"),
            ("2001:db8:1:2:3::", 64, "2001:db8:1:2::"),
            ("2001:db8::1", 0, "::"),
            ("2001:db8::1", 255, "2001:db8::1"),
        ] {
            assert_eq!(network(ip(address), length), ip(kept), "{address}/{length}");
        }
    }

    fn found(trust: &Trust, source: &str, forwarded: &[&str]) -> Option<IpAddr> {
        client(trust, parse(source.as_bytes()), forwarded.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn without_trust_the_client_is_whom_the_proxy_sees() {
        assert_eq!(found(&Trust::Proxy, "192.0.2.1:80", &["198.51.100.1"]), Some(ip("192.0.2.1")));
        assert_eq!(found(&Trust::Proxy, "", &["198.51.100.1"]), None);
    }

    #[test]
    fn hops_count_from_the_right_over_all_values() {
        let values = ["203.0.113.9, 198.51.100.1", "198.51.100.2 ,198.51.100.3"];
        for (hops, client) in [
            (0, "192.0.2.1"),
            (1, "198.51.100.3"),
            (2, "198.51.100.2"),
            (3, "198.51.100.1"),
            (4, "203.0.113.9"),
            (5, "192.0.2.1"),
            (usize::MAX, "192.0.2.1"),
        ] {
            assert_eq!(found(&Trust::Hops(hops), "192.0.2.1:80", &values), Some(ip(client)), "{hops}");
        }
        assert_eq!(found(&Trust::Hops(1), "192.0.2.1", &["198.51.100.1, nonsense"]), Some(ip("192.0.2.1")));
        assert_eq!(found(&Trust::Hops(1), "", &[]), None);
    }

    #[test]
    fn networks_are_walked_from_the_right_until_somebody_is_in_none() {
        let trust =
            Trust::Networks([b"10.0.0.0/8".as_slice(), b"fd00::/8"].map(|text| Cidr::parse(text).unwrap()).into());
        for (source, values, client) in [
            // Nobody believes a stranger's header.
            ("192.0.2.1:80", vec!["198.51.100.1"], "192.0.2.1"),
            ("10.0.0.1:80", vec!["198.51.100.1"], "198.51.100.1"),
            // What a client forges stands to the left.
            ("10.0.0.1:80", vec!["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1:80", vec!["203.0.113.9", "198.51.100.1", "fd00::1,10.0.0.1"], "198.51.100.1"),
            // All of them are trusted: the farthest is the client.
            ("10.0.0.1:80", vec!["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // Where it breaks off, the last proxy that vouches for anybody.
            ("10.0.0.1:80", vec!["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1:80", vec![], "10.0.0.1"),
            ("10.0.0.1:80", vec![""], "10.0.0.1"),
        ] {
            assert_eq!(found(&trust, source, &values), Some(ip(client)), "{source} {values:?}");
        }
        assert_eq!(found(&trust, "", &["198.51.100.1"]), None);
    }
}

//! What a budget is kept for: the parts of a key, and finding them in a request.

use std::cell::OnceCell;
use std::hash::Hasher;
use std::net::IpAddr;

use weir_kit::address::{self, Cidr, Trust};
use weir_kit::headers::{Headers, Pairs};
use weir_kit::property::{self, Properties};

use crate::path::{self, Route};

/// One part of a key. A request has the same key as another where all parts are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The value of a request header; of several, that of the first.
    Header(String),
    /// The value of a query parameter.
    Query(String),
    /// The value of a cookie.
    Cookie(String),
    /// The whole path.
    Path,
    /// The first of these patterns that fits, and what it captures. The policy is for requests that fit one.
    Paths(Vec<Route>),
    /// The method.
    Method,
    /// The policy is for requests with one of these methods.
    Methods(Vec<String>),
    /// The client's address.
    Client(Client),
    /// The value of a property: what another filter knows, by its path.
    Property(String),
}

/// How addresses of clients are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// How many bits of an IPv4 address count.
    pub v4: u8,
    /// How many bits of an IPv6 address count.
    pub v6: u8,
    /// Networks that share one budget each; the first that an address is in counts.
    pub groups: Vec<Group>,
}

/// Clients that are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub name: String,
    pub networks: Vec<Cidr>,
}

impl Group {
    fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// What is known of a request, each thing found out when it is first asked for.
pub(crate) struct Facts<'a> {
    headers: &'a dyn Headers,
    properties: &'a dyn Properties,
    trust: &'a Trust,
    /// All headers, copied at once: each value that the host hands over alone would cost a call back into the module, for
    /// memory, which is a tenth of all that a request costs here.
    pairs: OnceCell<Pairs>,
    target: OnceCell<Vec<u8>>,
    path: OnceCell<Vec<u8>>,
    client: OnceCell<Option<IpAddr>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(headers: &'a dyn Headers, properties: &'a dyn Properties, trust: &'a Trust) -> Facts<'a> {
        let (target, path, client, pairs) = (OnceCell::new(), OnceCell::new(), OnceCell::new(), OnceCell::new());
        Facts { headers, properties, trust, pairs, target, path, client }
    }

    /// The first header of this name. A host that refuses has none.
    pub(crate) fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.pairs().first(name).map(<[u8]>::to_vec)
    }

    fn pairs(&self) -> &Pairs {
        self.pairs.get_or_init(|| self.headers.pairs().unwrap_or_default())
    }

    pub(crate) fn method(&self) -> Option<Vec<u8>> {
        self.header(":method")
    }

    pub(crate) fn property(&self, path: &str) -> Option<Vec<u8>> {
        self.properties.get(path).ok().flatten()
    }

    fn target(&self) -> &[u8] {
        self.target.get_or_init(|| self.header(":path").unwrap_or_default())
    }

    pub(crate) fn path(&self) -> &[u8] {
        self.path.get_or_init(|| path::normal(self.target()))
    }

    pub(crate) fn client(&self) -> Option<IpAddr> {
        *self.client.get_or_init(|| {
            let source = self.property(property::SOURCE_ADDRESS).and_then(|text| address::parse(&text));
            if *self.trust == Trust::Proxy {
                return source;
            }
            let forwarded: Vec<&[u8]> = self.pairs().all("x-forwarded-for").collect();
            address::client(self.trust, source, forwarded.into_iter())
        })
    }

    fn cookie(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.pairs().all("cookie").find_map(|value| path::cookie(value, name)).map(<[u8]>::to_vec)
    }
}

/// Digests the key of a request; false where the policy is not for it. A part that the request does not have is one like
/// any other, the same for all who lack it, unless `skip_missing`: then the policy is not for them.
pub(crate) fn digest(parts: &[Part], facts: &Facts<'_>, skip_missing: bool, hasher: &mut impl Hasher) -> bool {
    parts.iter().all(|part| match part {
        Part::Paths(routes) => {
            match routes.iter().find_map(|route| Some((route, route.pattern.captures(facts.path())?))) {
                Some((route, captures)) => {
                    write(hasher, route.text.as_bytes());
                    captures.iter().for_each(|text| write(hasher, text));
                    true
                }
                None => false,
            }
        }
        Part::Methods(methods) => {
            facts.method().is_some_and(|method| methods.iter().any(|known| known.as_bytes() == method))
        }
        Part::Path => {
            write(hasher, facts.path());
            true
        }
        Part::Client(client) => match facts.client() {
            Some(address) => {
                write_client(hasher, client, address);
                true
            }
            None => write_missing(hasher, skip_missing),
        },
        Part::Header(name) => write_value(hasher, facts.header(name), skip_missing),
        Part::Query(name) => write_value(hasher, path::query(facts.target(), name.as_bytes()), skip_missing),
        Part::Cookie(name) => write_value(hasher, facts.cookie(name.as_bytes()), skip_missing),
        Part::Method => write_value(hasher, facts.method(), skip_missing),
        Part::Property(path) => write_value(hasher, facts.property(path), skip_missing),
    })
}

fn write_value(hasher: &mut impl Hasher, value: Option<Vec<u8>>, skip_missing: bool) -> bool {
    match value {
        Some(value) => {
            write(hasher, &value);
            true
        }
        None => write_missing(hasher, skip_missing),
    }
}

/// Writes text so that where it ends is part of the digest: `ab`, `c` is not `a`, `bc`.
fn write(hasher: &mut impl Hasher, text: &[u8]) {
    hasher.write_u64(text.len() as u64);
    hasher.write(text);
}

/// No text is as long as this.
fn write_missing(hasher: &mut impl Hasher, skip_missing: bool) -> bool {
    hasher.write_u64(u64::MAX);
    !skip_missing
}

fn write_client(hasher: &mut impl Hasher, client: &Client, address: IpAddr) {
    match client.groups.iter().find(|group| group.contains(address)) {
        Some(group) => {
            hasher.write_u8(1);
            write(hasher, group.name.as_bytes());
        }
        None => match address::network(address, if address.is_ipv4() { client.v4 } else { client.v6 }) {
            IpAddr::V4(address) => write(hasher, &address.octets()),
            IpAddr::V6(address) => write(hasher, &address.octets()),
        },
    }
}

#[cfg(test)]
mod tests;

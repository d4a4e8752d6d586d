//! Who is not limited.

use weir_kit::address::Cidr;
use weir_kit::property;

use crate::key::Facts;
use crate::path::Route;

/// Requests that a policy is not for. One reason is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exempt {
    /// Clients in these networks.
    pub clients: Vec<Cidr>,
    /// Consumers that a filter earlier in the chain is sure of.
    pub consumers: Vec<String>,
    /// Requests with these methods.
    pub methods: Vec<String>,
    /// Requests for paths that fit.
    pub paths: Vec<Route>,
    /// Requests with a header of this name that has one of these values.
    pub headers: Vec<(String, Vec<String>)>,
}

impl Exempt {
    /// Whether this request is one of them.
    pub(crate) fn covers(&self, facts: &Facts<'_>) -> bool {
        self.covers_client(facts)
            || is_among(&self.consumers, || facts.property(property::CONSUMER))
            || is_among(&self.methods, || facts.method())
            || self.paths.iter().any(|route| route.pattern.captures(facts.path()).is_some())
            || self.headers.iter().any(|(name, values)| is_among(values, || facts.header(name)))
    }

    fn covers_client(&self, facts: &Facts<'_>) -> bool {
        // Who the client is costs a call: it is not asked where it does not matter.
        !self.clients.is_empty()
            && facts.client().is_some_and(|address| self.clients.iter().any(|network| network.contains(address)))
    }
}

fn is_among(values: &[String], value: impl Fn() -> Option<Vec<u8>>) -> bool {
    !values.is_empty() && value().is_some_and(|value| values.iter().any(|known| known.as_bytes() == value))
}

#[cfg(test)]
mod tests {
    use weir_kit::address::Trust;
    use weir_testing::{TestHeaders, TestProperties};

    use super::*;
    use crate::path::Pattern;

    fn covers(exempt: &Exempt) -> bool {
        let headers = TestHeaders::of(&[(":method", b"GET"), (":path", b"/healthz?x"), ("x-internal", b"yes")]);
        let properties =
            TestProperties::of(&[(property::CONSUMER, b"admin"), (property::SOURCE_ADDRESS, b"10.1.2.3:4")]);
        exempt.covers(&Facts::new(&headers, &properties, &Trust::Proxy))
    }

    #[test]
    fn each_reason_is_enough_and_none_is_none() {
        assert!(!covers(&Exempt::default()));
        let networks = |text: &[u8]| vec![Cidr::parse(text).unwrap()];
        let words = |word: &str| vec!["other".to_owned(), word.to_owned()];
        let exact =
            |path: &str| vec![Route { text: path.to_owned(), pattern: Pattern::Exact(path.as_bytes().to_vec()) }];
        for (exempt, covered) in [
            (Exempt { clients: networks(b"10.0.0.0/8"), ..Exempt::default() }, true),
            (Exempt { clients: networks(b"11.0.0.0/8"), ..Exempt::default() }, false),
            (Exempt { consumers: words("admin"), ..Exempt::default() }, true),
            (Exempt { consumers: words("adm"), ..Exempt::default() }, false),
            (Exempt { methods: words("GET"), ..Exempt::default() }, true),
            (Exempt { methods: words("get"), ..Exempt::default() }, false),
            (Exempt { paths: exact("/healthz"), ..Exempt::default() }, true),
            (Exempt { paths: exact("/"), ..Exempt::default() }, false),
            (Exempt { headers: vec![("X-Internal".to_owned(), words("yes"))], ..Exempt::default() }, true),
            (Exempt { headers: vec![("x-internal".to_owned(), words("no"))], ..Exempt::default() }, false),
        ] {
            assert_eq!(covers(&exempt), covered, "{exempt:?}");
        }
    }

    #[test]
    fn what_a_request_does_not_have_exempts_nobody() {
        let exempt = Exempt {
            clients: vec![Cidr::parse(b"0.0.0.0/0").unwrap()],
            consumers: vec![String::new()],
            headers: vec![("x-internal".to_owned(), vec![String::new()])],
            ..Exempt::default()
        };
        let (headers, properties) = (TestHeaders::default(), TestProperties::default());
        assert!(!exempt.covers(&Facts::new(&headers, &properties, &Trust::Proxy)));
    }
}

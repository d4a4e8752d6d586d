//! What a request costs.

use weir_kit::headers::Headers;

use crate::key::Facts;

/// Where the cost of a request comes from, in units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Always this.
    Constant(u32),
    /// What a request header says.
    Request(Named),
    /// What a response header says: what it says beyond `otherwise`, which is charged beforehand, is charged afterwards.
    Response(Named),
}

/// A header that names a cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub header: String,
    /// Where there is no such header, or it holds no number.
    pub otherwise: u32,
    /// No request costs less, whatever it says.
    pub least: u32,
    /// No request costs more, whatever it says.
    pub most: u32,
}

impl Named {
    fn read(&self, value: Option<Vec<u8>>) -> u32 {
        value
            .and_then(|value| number(value.trim_ascii()))
            .map_or(self.otherwise, |cost| cost.clamp(self.least, self.most))
    }
}

impl Cost {
    /// What is charged when the request arrives.
    pub(crate) fn before(&self, facts: &Facts<'_>) -> u32 {
        match self {
            Cost::Constant(cost) => *cost,
            Cost::Request(named) => named.read(facts.header(&named.header)),
            Cost::Response(named) => named.otherwise,
        }
    }

    /// What is still to be charged when the response arrives.
    pub(crate) fn after(&self, response: &dyn Headers) -> u32 {
        match self {
            Cost::Constant(_) | Cost::Request(_) => 0,
            Cost::Response(named) => {
                let value = response.get(&named.header).ok().flatten();
                named.read(value).saturating_sub(named.otherwise)
            }
        }
    }
}

/// A number in decimal digits; one that is larger than can be held is as large as can be.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = (*digit as char).to_digit(10)?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use weir_kit::address::Trust;
    use weir_testing::{TestHeaders, TestProperties};

    use super::*;

    fn named(otherwise: u32) -> Named {
        Named { header: "x-cost".to_owned(), otherwise, least: 1, most: 100 }
    }

    fn headers(value: &str) -> TestHeaders {
        TestHeaders::of(&[("x-cost", value.as_bytes())])
    }

    fn before(cost: &Cost, request: &TestHeaders) -> u32 {
        cost.before(&Facts::new(request, &TestProperties::default(), &Trust::Proxy))
    }

    #[test]
    fn a_request_header_counts_within_bounds() {
        let cost = Cost::Request(named(2));
        for (value, units) in [
            ("7", 7),
            (" 7 ", 7),
            ("007", 7),
            ("0", 1),
            ("101", 100),
            ("99999999999999999999", 100),
            ("", 2),
            ("-1", 2),
            ("+7", 2),
            ("7.5", 2),
            ("seven", 2),
        ] {
            assert_eq!(before(&cost, &headers(value)), units, "{value}");
        }
        assert_eq!(before(&cost, &TestHeaders::default()), 2);
        assert_eq!(before(&cost, &TestHeaders::of(&[("x-cost", b"\xff")])), 2);
        assert_eq!(cost.after(&headers("9")), 0);
    }

    #[test]
    fn a_response_header_is_charged_afterwards_beyond_what_was_before() {
        let cost = Cost::Response(named(3));
        assert_eq!(before(&cost, &headers("50")), 3);
        for (value, units) in [("7", 4), ("3", 0), ("1", 0), ("0", 0), ("1000", 97), ("none", 0)] {
            assert_eq!(cost.after(&headers(value)), units, "{value}");
        }
        assert_eq!(cost.after(&TestHeaders::default()), 0);
    }

    #[test]
    fn a_constant_is_constant() {
        assert_eq!(before(&Cost::Constant(5), &headers("7")), 5);
        assert_eq!(Cost::Constant(5).after(&headers("7")), 0);
    }
}

//! Which requests need which credentials.

use crate::path;
use crate::refusal::Reason;
use crate::request::Request;

/// What the requests that match need. Empty lists match all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The hosts.
    pub hosts: Vec<HostPattern>,
    /// The paths.
    pub paths: Vec<PathPattern>,
    /// The methods, as they are spelled in requests.
    pub methods: Vec<String>,
    /// What they need.
    pub need: Need,
}

/// What a request needs. Numbers are places in the list of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing at all.
    None,
    /// One of these.
    Any(Vec<usize>),
    /// Each of these.
    All(Vec<usize>),
}

/// A host, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    /// This one.
    Exact(String),
    /// Every one that ends like this: `.example.com` stands for `*.example.com`.
    Below(String),
}

/// A path in its normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathPattern {
    /// This one.
    Exact(String),
    /// This one and all below it: `/a` is `/a`, `/a/` and `/a/b`, and not `/ab`.
    Prefix(String),
}

/// Finds the first rule that matches.
///
/// # Errors
/// None does; or rules look at hosts or paths, and the request's can be read in more than one way.
pub(crate) fn find<'a>(rules: &'a [Rule], request: &Request<'_>) -> Result<&'a Rule, Reason> {
    // Read before any rule is held against it, so that no order of rules lets one that is ambiguous through.
    let path = if rules.iter().any(|rule| !rule.paths.is_empty()) {
        path::normal(request.bare_path()).map_err(|_| Reason::AmbiguousPath)?
    } else {
        b"".into()
    };
    let host = if rules.iter().any(|rule| !rule.hosts.is_empty()) {
        path::host(request.authority).map_err(|_| Reason::AmbiguousPath)?
    } else {
        String::new()
    };
    let matches = |rule: &&Rule| {
        (rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| pattern.matches(&host)))
            && (rule.paths.is_empty() || rule.paths.iter().any(|pattern| pattern.matches(&path)))
            && (rule.methods.is_empty() || rule.methods.iter().any(|method| method.as_bytes() == request.method))
    };
    rules.iter().find(matches).ok_or(Reason::NoRule)
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        match self {
            HostPattern::Exact(exact) => host == exact,
            HostPattern::Below(ending) => host.len() > ending.len() && host.ends_with(ending.as_str()),
        }
    }
}

impl PathPattern {
    fn matches(&self, path: &[u8]) -> bool {
        match self {
            PathPattern::Exact(exact) => path == exact.as_bytes(),
            PathPattern::Prefix(prefix) => path
                .strip_prefix(prefix.as_bytes())
                .is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.first() == Some(&b'/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_kit::headers::Pairs;

    use super::*;

    fn rule(hosts: &[HostPattern], paths: &[PathPattern], methods: &[&str], need: Need) -> Rule {
        let methods = methods.iter().map(|method| method.to_string()).collect();
        Rule { hosts: hosts.to_vec(), paths: paths.to_vec(), methods, need }
    }

    fn prefix(path: &str) -> PathPattern {
        PathPattern::Prefix(path.to_owned())
    }

    fn need(rules: &[Rule], method: &str, authority: &str, path: &str) -> Result<Need, Reason> {
        let pairs = Pairs::from_iter([(":method", method), (":authority", authority), (":path", path)]);
        find(rules, &Request::new(&pairs, true)).map(|rule| rule.need.clone())
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = [
            rule(&[], &[PathPattern::Exact("/health".into())], &["GET"], Need::None),
            rule(&[HostPattern::Below(".example.com".into())], &[prefix("/v1")], &[], Need::Any(vec![0])),
            rule(&[HostPattern::Exact("admin.example.com".into())], &[], &[], Need::All(vec![1])),
            rule(&[], &[prefix("/")], &["GET", "HEAD"], Need::Any(vec![2])),
        ];
        for (method, authority, path, wanted) in [
            ("GET", "x", "/health", Ok(Need::None)),
            ("GET", "x", "/health?a=/../b", Ok(Need::None)),
            ("GET", "x", "/health/", Ok(Need::Any(vec![2]))),
            ("POST", "x", "/health", Err(Reason::NoRule)),
            ("get", "x", "/health", Err(Reason::NoRule)),
            ("POST", "a.Example.com:80", "/v1", Ok(Need::Any(vec![0]))),
            ("POST", "a.b.example.com", "/v1/x", Ok(Need::Any(vec![0]))),
            ("POST", "a.example.com", "/%76%31//x", Ok(Need::Any(vec![0]))),
            ("POST", "a.example.com", "/v1;x=y", Ok(Need::Any(vec![0]))),
            ("POST", "a.example.com", "/v12", Err(Reason::NoRule)),
            ("POST", "example.com", "/v1", Err(Reason::NoRule)),
            ("POST", "xexample.com", "/v1", Err(Reason::NoRule)),
            ("POST", "admin.example.com", "/v1", Ok(Need::Any(vec![0]))),
            ("POST", "admin.example.com.", "/v2", Ok(Need::All(vec![1]))),
            ("HEAD", "x", "/", Ok(Need::Any(vec![2]))),
            ("OPTIONS", "x", "*", Err(Reason::NoRule)),
            ("GET", "x", "/a/../health", Err(Reason::AmbiguousPath)),
            ("GET", "x", "/health/%2e%2e/v1", Err(Reason::AmbiguousPath)),
            ("GET", "u@admin.example.com", "/", Err(Reason::AmbiguousPath)),
        ] {
            assert_eq!(need(&rules, method, authority, path), wanted, "{method} {authority} {path}");
        }
    }

    #[test]
    fn what_no_rule_looks_at_may_be_ambiguous() {
        let rules = [rule(&[], &[], &[], Need::Any(vec![0]))];
        assert_eq!(need(&rules, "GET", "u@x", "/a/../b"), Ok(Need::Any(vec![0])));
    }

    #[test]
    fn a_prefix_ends_where_a_segment_does() {
        for (pattern, path, matches) in [
            ("/a", "/a", true),
            ("/a", "/a/", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/", "/a/b", true),
            ("/a/", "/a", false),
            ("/", "/", true),
            ("/", "/x", true),
        ] {
            assert_eq!(prefix(pattern).matches(path.as_bytes()), matches, "{pattern} {path}");
        }
    }
}

//! Which requests need what.

use weir_kit::json::{Error, Reader};

use crate::path;
use crate::rules::{HostPattern, Need, PathPattern, Rule};

/// The most rules.
pub(crate) const MOST_RULES: usize = 256;
/// The most hosts, paths and methods of a rule.
pub(crate) const MOST_PATTERNS: usize = 64;

pub(super) const RULE_FIELDS: [&str; 6] = ["hosts", "paths", "methods", "any_of", "all_of", "none"];
pub(super) const PATH_FIELDS: [&str; 2] = ["exact", "prefix"];

/// A list of rules, which name credentials by `names`.
pub(super) fn list(reader: &mut Reader<'_>, names: &[&str]) -> Result<Vec<Rule>, Error> {
    let mut rules = Vec::new();
    reader.array(MOST_RULES, &mut |reader| {
        rules.push(rule(reader, names)?);
        Ok(())
    })?;
    Ok(rules)
}

fn rule(reader: &mut Reader<'_>, names: &[&str]) -> Result<Rule, Error> {
    let (mut hosts, mut paths, mut methods) = (None, None, None);
    let (mut any_of, mut all_of, mut none) = (None, None, None);
    reader.object(&RULE_FIELDS, &mut |reader, field| {
        match field {
            0 => hosts = Some(patterns(reader, host)?),
            1 => paths = Some(patterns(reader, path_pattern)?),
            2 => methods = Some(patterns(reader, method)?),
            3 => any_of = Some(credentials(reader, names)?),
            4 => all_of = Some(credentials(reader, names)?),
            _ => none = Some(reader.boolean()?),
        }
        Ok(())
    })?;
    // An empty list would match nothing, and look as if it matched all.
    let empty = [
        ("hosts", hosts.as_ref().is_some_and(Vec::is_empty)),
        ("paths", paths.as_ref().is_some_and(Vec::is_empty)),
        ("methods", methods.as_ref().is_some_and(Vec::is_empty)),
    ];
    if let Some((field, _)) = empty.iter().find(|(_, empty)| *empty) {
        return Err(reader.refuse(field, "at least one, or no list at all", "none"));
    }
    let need = match (any_of, all_of, none) {
        (Some(list), None, None) if !list.is_empty() => Need::Any(list),
        (None, Some(list), None) if !list.is_empty() => Need::All(list),
        (None, None, Some(true)) => Need::None,
        (any_of, all_of, none) => {
            let given = [any_of.is_some(), all_of.is_some(), none.is_some()].iter().filter(|given| **given).count();
            let got = match given {
                0 => "nothing",
                1 => "an empty list or false",
                _ => "several",
            };
            return Err(reader.refuse(
                "any_of",
                "one of \"any_of\", \"all_of\" with a credential, \"none\": true",
                got,
            ));
        }
    };
    let (hosts, paths) = (hosts.unwrap_or_default(), paths.unwrap_or_default());
    Ok(Rule { hosts, paths, methods: methods.unwrap_or_default(), need })
}

fn patterns<T>(reader: &mut Reader<'_>, read: fn(&mut Reader<'_>) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let mut patterns = Vec::new();
    reader.array(MOST_PATTERNS, &mut |reader| {
        patterns.push(read(reader)?);
        Ok(())
    })?;
    Ok(patterns)
}

fn method(reader: &mut Reader<'_>) -> Result<String, Error> {
    reader.string_where("a method, such as \"GET\"", is_method)
}

fn host(reader: &mut Reader<'_>) -> Result<HostPattern, Error> {
    reader.string_as("a host in lower case without port, or \"*.\" and one", |text| {
        let is_host = |host: &str| !host.is_empty() && path::host(host.as_bytes()).as_deref() == Ok(host);
        match text.strip_prefix('*') {
            Some(ending) if ending.strip_prefix('.').is_some_and(is_host) => {
                Some(HostPattern::Below(ending.to_owned()))
            }
            None if is_host(text) => Some(HostPattern::Exact(text.to_owned())),
            _ => None,
        }
    })
}

fn path_pattern(reader: &mut Reader<'_>) -> Result<PathPattern, Error> {
    let expected = "a path in its normal form: \"/\" first, no \"//\", \".\", \"..\" or \";\", no escapes but of what needs one, those in upper case";
    let normal = |text: &str| {
        let same = path::normal(text.as_bytes()).is_ok_and(|normal| *normal == *text.as_bytes());
        (same && text.starts_with('/')).then(|| text.to_owned())
    };
    let (mut exact, mut prefix) = (None, None);
    reader.object(&PATH_FIELDS, &mut |reader, field| {
        let path = reader.string_as(expected, normal)?;
        *(if field == 0 { &mut exact } else { &mut prefix }) = Some(path);
        Ok(())
    })?;
    match (exact, prefix) {
        (Some(path), None) => Ok(PathPattern::Exact(path)),
        (None, Some(path)) => Ok(PathPattern::Prefix(path)),
        (None, None) => Err(reader.refuse("exact", "one of \"exact\", \"prefix\"", "neither")),
        (Some(_), Some(_)) => Err(reader.refuse("exact", "one of \"exact\", \"prefix\"", "both")),
    }
}

/// Credentials by name, none of them twice.
fn credentials(reader: &mut Reader<'_>, names: &[&str]) -> Result<Vec<usize>, Error> {
    let mut list: Vec<usize> = Vec::new();
    reader.array(super::MOST_CREDENTIALS, &mut |reader| {
        let index = reader.string_as("the name of a credential that is not in this list yet", |name| {
            names.iter().position(|known| *known == name).filter(|index| !list.contains(index))
        })?;
        list.push(index);
        Ok(())
    })?;
    Ok(list)
}

fn is_method(text: &[u8]) -> bool {
    (1..=32).contains(&text.len()) && text.iter().all(|byte| byte.is_ascii_uppercase() || b"-_".contains(byte))
}

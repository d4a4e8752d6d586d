//! What is read from requests: the parts of a key, routes, and who is exempt.

use weir_kit::json::{Error, Kind, Reader};
use weir_kit::property;

use super::words::{header_name, list, methods, name, networks, word, words};
use crate::exempt::Exempt;
use crate::key::{Client, Group, Part};
use crate::path::{Pattern, Route};

/// The most parts of a key.
const MOST_PARTS: usize = 8;

pub(super) const PART_WORDS: [&str; 4] = ["client", "consumer", "method", "path"];
pub(super) const PART_FIELDS: [&str; 8] =
    ["header", "query", "cookie", "paths", "methods", "client", "claim", "property"];
pub(super) const CLIENT_FIELDS: [&str; 3] = ["v4", "v6", "groups"];
pub(super) const GROUP_FIELDS: [&str; 2] = ["name", "networks"];
pub(super) const ROUTE_FIELDS: [&str; 3] = ["exact", "prefix", "template"];
pub(super) const EXEMPT_FIELDS: [&str; 5] = ["clients", "consumers", "methods", "paths", "headers"];
pub(super) const EXEMPT_HEADER_FIELDS: [&str; 2] = ["name", "values"];

pub(super) fn key(reader: &mut Reader<'_>) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    reader.array(MOST_PARTS, &mut |reader| {
        parts.push(part(reader)?);
        Ok(())
    })?;
    Ok(parts)
}

fn part(reader: &mut Reader<'_>) -> Result<Part, Error> {
    match reader.kind() {
        Kind::String => Ok(match reader.word(&PART_WORDS)? {
            0 => Part::Client(Client { v4: 32, v6: 64, groups: Vec::new() }),
            1 => Part::Property(property::CONSUMER.to_owned()),
            2 => Part::Method,
            _ => Part::Path,
        }),
        Kind::Object => one_field(reader, &PART_FIELDS, |reader, field| {
            Ok(match field {
                0 => Part::Header(header_name(reader)?),
                1 => Part::Query(word(reader)?),
                2 => Part::Cookie(word(reader)?),
                3 => Part::Paths(list(reader, route)?),
                4 => Part::Methods(methods(reader)?),
                5 => Part::Client(client(reader)?),
                6 => Part::Property([property::CLAIM, &word(reader)?].concat()),
                _ => {
                    let path = words(reader)?;
                    Part::Property(property::path(&path.iter().map(String::as_str).collect::<Vec<_>>()))
                }
            })
        }),
        _ => Err(reader.refuse_value("a string or an object", "something else")),
    }
}

/// Reads an object that has one field.
fn one_field<T>(
    reader: &mut Reader<'_>,
    fields: &[&str],
    read: impl Fn(&mut Reader<'_>, usize) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut only = None;
    reader.object(fields, &mut |reader, field| {
        let value = read(reader, field)?;
        if only.replace(value).is_some() {
            return Err(reader.refuse_value("one field", "a second"));
        }
        Ok(())
    })?;
    only.ok_or_else(|| reader.refuse_value("one field", "none"))
}

fn client(reader: &mut Reader<'_>) -> Result<Client, Error> {
    let mut client = Client { v4: 32, v6: 64, groups: Vec::new() };
    reader.object(&CLIENT_FIELDS, &mut |reader, field| {
        match field {
            0 => client.v4 = reader.integer(0, 32)? as u8,
            1 => client.v6 = reader.integer(0, 128)? as u8,
            _ => client.groups = list(reader, group)?,
        }
        Ok(())
    })?;
    Ok(client)
}

fn group(reader: &mut Reader<'_>) -> Result<Group, Error> {
    let (mut called, mut within) = (None, None);
    reader.object(&GROUP_FIELDS, &mut |reader, field| {
        match field {
            0 => called = Some(name(reader)?),
            _ => within = Some(networks(reader)?),
        }
        Ok(())
    })?;
    let name = called.ok_or_else(|| reader.refuse("name", "a string", "nothing"))?;
    let networks = within.ok_or_else(|| reader.refuse("networks", "an array", "nothing"))?;
    Ok(Group { name, networks })
}

fn route(reader: &mut Reader<'_>) -> Result<Route, Error> {
    one_field(reader, &ROUTE_FIELDS, |reader, field| {
        let (kind, text, pattern) = match field {
            0 => {
                let path = reader.string_where("a path, which begins with \"/\"", is_path)?;
                ("exact ", path.clone(), Pattern::Exact(path.into_bytes()))
            }
            1 => {
                let path = reader.string_where("a path, which begins with \"/\"", is_path)?;
                ("prefix ", path.clone(), Pattern::Prefix(path.into_bytes()))
            }
            _ => {
                let expected = "a template such as \"/users/{id}/*\", at the end of which \"**\" stands for the rest";
                let template =
                    |text: &str| Some((text.to_owned(), Pattern::template(text).filter(|_| is_path(text.as_bytes()))?));
                let (text, pattern) = reader.string_as(expected, template)?;
                ("template ", text, pattern)
            }
        };
        Ok(Route { text: [kind, &text].concat(), pattern })
    })
}

/// Whether this is a path such as a request can have once query and fragment are away.
fn is_path(path: &[u8]) -> bool {
    path.starts_with(b"/")
        && path.len() <= 1024
        && path.iter().all(|byte| (b'!'..=b'~').contains(byte) && !b"?#".contains(byte))
}

pub(super) fn exempt(reader: &mut Reader<'_>) -> Result<Exempt, Error> {
    let mut exempt = Exempt::default();
    reader.object(&EXEMPT_FIELDS, &mut |reader, field| {
        match field {
            0 => exempt.clients = networks(reader)?,
            1 => exempt.consumers = words(reader)?,
            2 => exempt.methods = methods(reader)?,
            3 => exempt.paths = list(reader, route)?,
            _ => exempt.headers = list(reader, exempt_header)?,
        }
        Ok(())
    })?;
    Ok(exempt)
}

fn exempt_header(reader: &mut Reader<'_>) -> Result<(String, Vec<String>), Error> {
    let (mut name, mut values) = (None, None);
    reader.object(&EXEMPT_HEADER_FIELDS, &mut |reader, field| {
        match field {
            0 => name = Some(header_name(reader)?),
            _ => values = Some(words(reader)?),
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| reader.refuse("name", "a string", "nothing"))?;
    let values = values.ok_or_else(|| reader.refuse("values", "an array", "nothing"))?;
    Ok((name, values))
}

//! The configuration: which operations on request headers, which on response headers.

use weir_kit::json::{Error, Reader};

use crate::operations::{Action, Operation};

/// The most operations that each of the two lists may hold: every one is a call to the host in every request.
pub(crate) const MOST_OPERATIONS: usize = 64;
/// The most bytes of a header's name.
pub(crate) const MOST_NAME: usize = 256;
/// The most bytes of a header's value. Envoy refuses messages with more than 60 KiB of headers by default.
pub(crate) const MOST_VALUE: usize = 8192;

/// Headers that say how a message is framed and what becomes of its connection (RFC 9110, section 7.6.1): the proxy
/// writes them, and a message in which they say something else can be taken for another one.
const PROXYS_OWN: [&str; 7] =
    ["connection", "content-length", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

const FIELDS: [&str; 2] = ["request", "response"];
const OPERATION_FIELDS: [&str; 3] = ["op", "name", "value"];
const OPS: [&str; 4] = ["set", "append", "set-if-absent", "remove"];

/// What to do to the headers of every request and of its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// Carried out in order on the request before it goes upstream.
    pub request: Vec<Operation>,
    /// Carried out in order on the response before it goes downstream.
    pub response: Vec<Operation>,
}

impl Config {
    /// Reads the configuration's JSON; no bytes at all mean the response header `hello: world`.
    ///
    /// # Errors
    /// Names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub(crate) fn read(text: &[u8]) -> Result<Config, Error> {
        let mut config = Config::default();
        if text.is_empty() {
            config.response.push(Operation { name: "hello".into(), action: Action::Set(b"world".to_vec()) });
            return Ok(config);
        }
        let mut reader = Reader::new(text);
        reader.object(&FIELDS, &mut |reader, field| {
            let list = if field == 0 { &mut config.request } else { &mut config.response };
            reader.array(MOST_OPERATIONS, &mut |reader| {
                list.push(operation(reader)?);
                Ok(())
            })
        })?;
        reader.end()?;
        Ok(config)
    }
}

fn operation(reader: &mut Reader<'_>) -> Result<Operation, Error> {
    let (mut op, mut name, mut value) = (None, None, None);
    reader.object(&OPERATION_FIELDS, &mut |reader, field| {
        match field {
            0 => op = Some(reader.word(&OPS)?),
            1 => {
                name = Some(reader.string_where("a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~", is_name)?)
            }
            _ => value = Some(reader.string_where("at most 8192 bytes without CR, LF and NUL", is_value)?),
        }
        Ok(())
    })?;
    let Some(op) = op else {
        return Err(reader.refuse("op", "a string", "nothing"));
    };
    let Some(name) = name else {
        return Err(reader.refuse("name", "a string", "nothing"));
    };
    if PROXYS_OWN.iter().any(|own| own.eq_ignore_ascii_case(&name)) {
        return Err(reader.refuse("name", "no header of framing or connection, which are the proxy's own", &name));
    }
    let action = match (op, value.map(String::into_bytes)) {
        (0, Some(value)) => Action::Set(value),
        (1, Some(value)) => Action::Append(value),
        (2, Some(value)) => Action::SetIfAbsent(value),
        (3, None) => Action::Remove,
        (3, Some(_)) => return Err(reader.refuse("value", "nothing, because \"remove\" takes no value", "a string")),
        (_, _) => return Err(reader.refuse("value", "a string", "nothing")),
    };
    Ok(Operation { name, action })
}

/// Whether this is a token (RFC 9110, section 5.6.2), which a pseudo-header such as `:path` is not.
fn is_name(name: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    (1..=MOST_NAME).contains(&name.len()) && name.iter().all(is_token)
}

/// Whether these bytes can stand in a header without ending it (RFC 9110, section 5.5).
fn is_value(value: &[u8]) -> bool {
    value.len() <= MOST_VALUE && !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests;

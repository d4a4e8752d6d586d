//! Where credentials stand.

use weir_kit::json::{Error, Reader};

use super::text::is_header;
use crate::place::Place;

/// The most places of one credential.
pub(crate) const MOST_PLACES: usize = 8;

pub(super) const PLACE_FIELDS: [&str; 4] = ["header", "scheme", "cookie", "query"];

/// A list of places.
pub(super) fn list(reader: &mut Reader<'_>) -> Result<Vec<Place>, Error> {
    let mut places = Vec::new();
    reader.array(MOST_PLACES, &mut |reader| {
        places.push(place(reader)?);
        Ok(())
    })?;
    Ok(places)
}

fn place(reader: &mut Reader<'_>) -> Result<Place, Error> {
    let (mut header, mut scheme, mut cookie, mut query) = (None, None, None, None);
    reader.object(&PLACE_FIELDS, &mut |reader, field| {
        match field {
            0 => header = Some(reader.string_where("a header name in lower case", is_header)?),
            1 => scheme = Some(reader.string_where("a scheme, such as \"Bearer\"", is_token)?),
            2 => cookie = Some(reader.string_where("a cookie's name", is_token)?),
            _ => query = Some(reader.string_where("a parameter's name: 1 to 64 characters", is_parameter)?),
        }
        Ok(())
    })?;
    match (header, scheme, cookie, query) {
        (Some(name), scheme, None, None) => Ok(Place::Header { name, scheme }),
        (None, None, Some(name), None) => Ok(Place::Cookie(name)),
        (None, None, None, Some(name)) => Ok(Place::Query(name)),
        _ => Err(reader.refuse(
            "header",
            "one of \"header\", \"cookie\", \"query\", and \"scheme\" only with \"header\"",
            "another combination",
        )),
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    (1..=64).contains(&text.len()) && text.iter().all(fits)
}

fn is_parameter(text: &[u8]) -> bool {
    (1..=64).contains(&text.len()) && text.iter().all(|byte| (b' '..=b'~').contains(byte))
}

//! The matchers of expectations, as a file writes them.
//!
//! Written out, because serde's untagged enumerations say neither what was expected nor where.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::expect::{BodyExpectation, HeaderExpectation, LogExpectation, ValueExpectation};
use crate::value::{Bytes, Pattern, from_hex};

/// A matcher in any of its forms.
enum Form {
    Text(String),
    Hex(Vec<u8>),
    Present,
    Absent,
    Matches(Pattern),
    Json(serde_json::Value),
    List(Vec<ValueExpectation>),
}

/// What can be written as a matcher: in some of the forms, and no others.
trait Matcher: Sized {
    /// What it is and which forms it has, for messages.
    const EXPECTED: &'static str;

    /// What the form stands for; `None` where it has no such form.
    fn from_form(form: Form) -> Option<Self>;
}

impl Matcher for HeaderExpectation {
    const EXPECTED: &'static str = "a value, a list of values, { hex = \"…\" }, { matches = \"…\" }, { present = true } or \
                                    { absent = true } as a header's expectation";

    fn from_form(form: Form) -> Option<HeaderExpectation> {
        match form {
            Form::Present => Some(HeaderExpectation::Present),
            Form::Absent => Some(HeaderExpectation::Absent),
            Form::List(values) => Some(HeaderExpectation::Values(values)),
            form => Some(HeaderExpectation::Values(vec![ValueExpectation::from_form(form)?])),
        }
    }
}

impl Matcher for ValueExpectation {
    const EXPECTED: &'static str = "a value, { hex = \"…\" } or { matches = \"…\" } as one value of a header";

    fn from_form(form: Form) -> Option<ValueExpectation> {
        match form {
            Form::Text(text) => Some(ValueExpectation::Exact(text.as_str().into())),
            Form::Hex(bytes) => Some(ValueExpectation::Exact(Bytes(bytes))),
            Form::Matches(pattern) => Some(ValueExpectation::Matches(pattern)),
            _ => None,
        }
    }
}

impl Matcher for BodyExpectation {
    const EXPECTED: &'static str =
        "a text, { hex = \"…\" }, { matches = \"…\" } or { json = … } as a body's expectation";

    fn from_form(form: Form) -> Option<BodyExpectation> {
        match form {
            Form::Text(text) => Some(BodyExpectation::Exact(text.as_str().into())),
            Form::Hex(bytes) => Some(BodyExpectation::Exact(Bytes(bytes))),
            Form::Matches(pattern) => Some(BodyExpectation::Matches(pattern)),
            Form::Json(value) => Some(BodyExpectation::Json(value)),
            _ => None,
        }
    }
}

impl Matcher for LogExpectation {
    const EXPECTED: &'static str = "a part of a line or { matches = \"…\" } as a line of the filter's log";

    fn from_form(form: Form) -> Option<LogExpectation> {
        match form {
            // Every line contains it.
            Form::Text(text) if text.trim().is_empty() => None,
            Form::Text(text) => Some(LogExpectation::Part(text)),
            Form::Matches(pattern) => Some(LogExpectation::Matches(pattern)),
            _ => None,
        }
    }
}

struct FormVisitor<T>(PhantomData<T>);

impl<'de, T: Matcher> Visitor<'de> for FormVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let found = || E::custom(format_args!("expected {}, found {text:?}", T::EXPECTED));
        T::from_form(Form::Text(text.into())).ok_or_else(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        let values = Vec::<ValueExpectation>::deserialize(SeqAccessDeserializer::new(seq))?;
        if values.is_empty() {
            return Err(A::Error::custom("an empty list expects nothing; for none write { absent = true }"));
        }
        let found = || A::Error::custom(format_args!("expected {}, found a list", T::EXPECTED));
        T::from_form(Form::List(values)).ok_or_else(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let fields = BTreeMap::<String, toml::Value>::deserialize(MapAccessDeserializer::new(map))?;
        let form = form(&fields).map_err(A::Error::custom)?;
        let found = || A::Error::custom(format_args!("expected {}, found {}", T::EXPECTED, shown(&fields)));
        form.and_then(T::from_form).ok_or_else(found)
    }
}

/// The form that a table with exactly one known field stands for.
fn form(fields: &BTreeMap<String, toml::Value>) -> Result<Option<Form>, String> {
    let mut entries = fields.iter();
    let (Some((name, value)), None) = (entries.next(), entries.next()) else { return Ok(None) };
    Ok(match (name.as_str(), value) {
        ("hex", toml::Value::String(text)) => Some(Form::Hex(from_hex(text)?)),
        ("matches", toml::Value::String(text)) => Some(Form::Matches(Pattern::new(text)?)),
        ("present", toml::Value::Boolean(true)) => Some(Form::Present),
        ("absent", toml::Value::Boolean(true)) => Some(Form::Absent),
        ("json", value) => Some(Form::Json(json(value)?)),
        _ => None,
    })
}

fn shown(fields: &BTreeMap<String, toml::Value>) -> String {
    match fields.iter().next() {
        None => "an empty table".into(),
        Some((name, value)) if fields.len() == 1 => format!("{{ {name} = {value} }}"),
        Some(_) => format!("{} fields", fields.len()),
    }
}

/// The JSON that a value of TOML writes; there is no way to write `null`.
fn json(value: &toml::Value) -> Result<serde_json::Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) if number.is_finite() => (*number).into(),
        toml::Value::Float(number) => return Err(format!("json: {number} is no number of JSON")),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(time) => return Err(format!("json: expected a value of JSON, found the time {time}")),
        toml::Value::Array(items) => items.iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        toml::Value::Table(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), json(value)?)));
            fields.collect::<Result<serde_json::Map<_, _>, String>>()?.into()
        }
    })
}

macro_rules! written_as_a_matcher {
    ($($matcher:ty),*) => {$(
        impl<'de> Deserialize<'de> for $matcher {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$matcher, D::Error> {
                deserializer.deserialize_any(FormVisitor(PhantomData))
            }
        }
    )*};
}

written_as_a_matcher!(HeaderExpectation, ValueExpectation, BodyExpectation, LogExpectation);

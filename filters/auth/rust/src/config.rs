//! The configuration: what clients may bring, which requests need it, and what the upstream is told.

#[cfg(feature = "api-key")]
mod api_key;
#[cfg(feature = "basic")]
mod basic;
#[cfg(feature = "jwt")]
mod jwt;
mod place;
mod rule;
#[cfg(feature = "signature")]
mod signature;
mod text;

use weir_kit::json::{Error, Reader};

use crate::auth::{Auth, Credential, Identity, Kind};
#[cfg(feature = "jwt")]
use crate::jwks::fetch::Source;
use text::{NAME, OWNER, is_name, is_prefix, is_realm, own_header};

/// The most credentials.
pub(crate) const MOST_CREDENTIALS: usize = 32;
/// How deep the parts nest that are passed over in one reading, and read in the other.
const DEPTH: usize = 32;

const FIELDS: [&str; 4] = ["realm", "credentials", "rules", "identity"];
const CREDENTIAL_FIELDS: [&str; 7] = ["name", "consumer_prefix", "forward", "jwt", "api_key", "basic", "signature"];
const IDENTITY_FIELDS: [&str; 3] = ["consumer_header", "credential_header", "property"];

/// What a configuration comes to.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// What decides.
    pub auth: Auth,
    /// Where keys come from that are not in the configuration.
    #[cfg(feature = "jwt")]
    pub sources: Vec<Source>,
}

impl Config {
    /// Reads the configuration's JSON.
    ///
    /// # Errors
    /// Names the field, what was expected there and what stood there instead: see `config.schema.json`.
    pub(crate) fn read(text: &[u8]) -> Result<Config, Error> {
        let mut config = Config::default();
        let mut reader = Reader::new(text);
        // Rules name credentials, whichever of the two stands first: so the text is read twice.
        let mut second = reader.clone();
        let mut has_rules = false;
        config.auth.identity.property = true;
        "restricted".clone_into(&mut config.auth.realm);
        reader.object(&FIELDS, &mut |reader, field| {
            match field {
                0 => {
                    config.auth.realm = reader.string_where("1 to 128 characters of ASCII without quotes", is_realm)?
                }
                1 => reader.array(MOST_CREDENTIALS, &mut |reader| {
                    let credential = credential(reader, &mut config)?;
                    config.auth.credentials.push(credential);
                    Ok(())
                })?,
                2 => {
                    has_rules = true;
                    reader.skip(DEPTH)?;
                }
                _ => identity(reader, &mut config.auth.identity)?,
            }
            Ok(())
        })?;
        reader.end()?;
        if !has_rules {
            return Err(reader.refuse("rules", "an array of rules", "nothing"));
        }
        let names: Vec<&str> = config.auth.credentials.iter().map(|credential| credential.name.as_str()).collect();
        let mut rules = Vec::new();
        second.object(&FIELDS, &mut |reader, field| match field {
            2 => {
                rules = rule::list(reader, &names)?;
                Ok(())
            }
            _ => reader.skip(DEPTH),
        })?;
        if rules.is_empty() {
            return Err(reader.refuse("rules", "at least one rule", "none"));
        }
        config.auth.rules = rules;
        config.auth.identity.owned = owned(&config.auth);
        Ok(config)
    }
}

fn credential(reader: &mut Reader<'_>, config: &mut Config) -> Result<Credential, Error> {
    let (mut name, mut prefix, mut forward) = (None, String::new(), None);
    let (mut kind, mut places, mut several) = (None, Vec::new(), false);
    reader.object(&CREDENTIAL_FIELDS, &mut |reader, field| {
        match field {
            0 => name = Some(reader.string_where(NAME, is_name)?),
            1 => prefix = reader.string_where(OWNER, is_prefix)?,
            2 => forward = Some(reader.boolean()?),
            _ => {
                several |= kind.is_some();
                (kind, places) = read_kind(reader, field, config).map(|(kind, places)| (Some(kind), places))?;
            }
        }
        Ok(())
    })?;
    let Some(name) = name else {
        return Err(reader.refuse("name", "a string", "nothing"));
    };
    if config.auth.credentials.iter().any(|other| other.name == name) {
        return Err(reader.refuse("name", "a name that no other credential has", "one that stands twice"));
    }
    let one_kind = "one of \"jwt\", \"api_key\", \"basic\", \"signature\"";
    let Some(mut kind) = kind else {
        return Err(reader.refuse("jwt", one_kind, "none"));
    };
    if several {
        return Err(reader.refuse("jwt", one_kind, "several"));
    }
    name_table(&mut kind, &name);
    Ok(Credential { name, prefix, places, forward: forward.unwrap_or(false), kind })
}

/// The table of used signatures is found by the credential's name, which may stand behind its kind.
fn name_table(kind: &mut Kind, name: &str) {
    #[cfg(feature = "signature")]
    if let Kind::Signature(_, Some(table)) = kind {
        *table = table.named(name);
    }
}

type Read = (Kind, Vec<crate::place::Place>);

fn read_kind(reader: &mut Reader<'_>, field: usize, config: &mut Config) -> Result<Read, Error> {
    match field {
        #[cfg(feature = "jwt")]
        3 => jwt::read(reader, &mut config.sources),
        #[cfg(feature = "api-key")]
        4 => api_key::read(reader),
        #[cfg(feature = "basic")]
        5 => basic::read(reader),
        #[cfg(feature = "signature")]
        6 => signature::read(reader),
        // A build that leaves kinds out says so, and does not call the field unknown.
        _ => reader.string_as("a kind of credential that this build was made with", |_| None),
    }
}

fn identity(reader: &mut Reader<'_>, identity: &mut Identity) -> Result<(), Error> {
    reader.object(&IDENTITY_FIELDS, &mut |reader, field| {
        match field {
            0 => identity.consumer = Some(own_header(reader)?),
            1 => identity.credential = Some(own_header(reader)?),
            _ => identity.property = reader.boolean()?,
        }
        Ok(())
    })
}

/// All headers that the filter sets.
fn owned(auth: &Auth) -> Vec<String> {
    let mut owned: Vec<String> = Vec::new();
    let mut add = |name: &Option<String>| {
        if let Some(name) = name
            && !owned.contains(name)
        {
            owned.push(name.clone());
        }
    };
    add(&auth.identity.consumer);
    add(&auth.identity.credential);
    #[cfg(feature = "jwt")]
    for credential in &auth.credentials {
        if let Kind::Jwt(jwt) = &credential.kind {
            jwt.outputs.iter().for_each(|output| add(&output.header));
        }
    }
    owned
}

#[cfg(test)]
mod tests;

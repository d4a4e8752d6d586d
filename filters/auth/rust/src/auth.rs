//! The decision: whether a request may pass, and as whom.

use std::rc::Rc;

use weir_kit::shared::SharedData;

#[cfg(feature = "api-key")]
use crate::api_key::ApiKeys;
#[cfg(feature = "basic")]
use crate::basic::{self, Users};
#[cfg(feature = "jwt")]
use crate::cache::Verdicts;
#[cfg(feature = "jwt")]
use crate::jwks::{KeySet, fetch::Fetcher};
#[cfg(feature = "jwt")]
use crate::jwt;
use crate::place::{self, Place};
use crate::refusal::Reason;
#[cfg(feature = "signature")]
use crate::replay::Table;
use crate::request::Request;
use crate::rules::{self, Need, Rule};
#[cfg(feature = "signature")]
use crate::signature::{self, BodyDigest};

/// The whole configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Auth {
    /// What challenges call the service; it holds no quotes and no backslashes.
    pub realm: String,
    /// What clients may bring. No two have the same name.
    pub credentials: Vec<Credential>,
    /// Which requests need which of them.
    pub rules: Vec<Rule>,
    /// What the upstream and later filters are told.
    pub identity: Identity,
}

/// Something that a client may bring to say who it is.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    /// What rules, logs and headers call it.
    pub name: String,
    /// What stands before the names of those who bring it, so that they are no one else's.
    pub prefix: String,
    /// Where it stands in a request.
    pub places: Vec<Place>,
    /// Whether the upstream sees it.
    pub forward: bool,
    /// What it is.
    pub kind: Kind,
}

/// The kinds of credentials.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    #[cfg(feature = "jwt")]
    Jwt(Jwt),
    #[cfg(feature = "api-key")]
    ApiKey(ApiKeys),
    #[cfg(feature = "basic")]
    Basic(Users),
    #[cfg(feature = "signature")]
    Signature(signature::Policy, Option<Table>),
}

/// A token's issuer, as it were.
#[cfg(feature = "jwt")]
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    /// What tokens have to say.
    pub policy: jwt::Policy,
    /// Whose signatures they have to bear.
    pub keys: Keys,
    /// Where the claims of [`jwt::Policy::pass`] go, in the same order.
    pub outputs: Vec<Output>,
    /// How many good tokens each worker remembers.
    pub remember: usize,
}

/// Where keys are.
#[cfg(feature = "jwt")]
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    /// In the configuration.
    Inline(KeySet),
    /// Where the source of this number says.
    Remote(usize),
}

/// Where a claim goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// A header of the request, in lower case.
    pub header: Option<String>,
    /// A property of the stream.
    pub property: Option<String>,
}

/// What the upstream and later filters are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The header that says who it is, in lower case.
    pub consumer: Option<String>,
    /// The header that says by which credential.
    pub credential: Option<String>,
    /// Whether later filters are told who it is.
    pub property: bool,
    /// All headers that say something of an identity, in lower case: a client's own are taken out of every request.
    pub owned: Vec<String>,
}

/// What a worker remembers, and the keys that it fetched.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// One for each credential, in the order of [`Auth::credentials`].
    credentials: Vec<Remembered>,
    /// One for each source.
    #[cfg(feature = "jwt")]
    pub fetchers: Vec<Fetcher>,
}

#[derive(Debug)]
enum Remembered {
    #[cfg(feature = "jwt")]
    Tokens(Verdicts<jwt::Verified>),
    #[cfg(feature = "basic")]
    Passwords(Box<basic::Memory>),
    Nothing,
}

impl Memory {
    /// A worker that remembers nothing yet.
    pub(crate) fn new(auth: &Auth, #[cfg(feature = "jwt")] fetchers: Vec<Fetcher>) -> Memory {
        let remembered = |credential: &Credential| match &credential.kind {
            #[cfg(feature = "jwt")]
            Kind::Jwt(jwt) => Remembered::Tokens(Verdicts::new(jwt.remember)),
            #[cfg(feature = "basic")]
            Kind::Basic(_) => Remembered::Passwords(Box::default()),
            #[cfg(any(feature = "api-key", feature = "signature"))]
            _ => Remembered::Nothing,
        };
        Memory {
            credentials: auth.credentials.iter().map(remembered).collect(),
            #[cfg(feature = "jwt")]
            fetchers,
        }
    }

    /// Forgets the tokens whose keys came from this source: a key that is gone makes no token good any more.
    #[cfg(feature = "jwt")]
    pub(crate) fn keys_changed(&mut self, auth: &Auth, source: usize) {
        for (credential, remembered) in auth.credentials.iter().zip(&mut self.credentials) {
            if let (Kind::Jwt(Jwt { keys: Keys::Remote(of), .. }), Remembered::Tokens(tokens)) =
                (&credential.kind, remembered)
                && *of == source
            {
                tokens.clear();
            }
        }
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Decision<'a> {
    /// It passes.
    Allow(Allowed<'a>),
    /// It does not.
    Refuse(Refusal<'a>),
}

/// A request that passes.
#[derive(Debug)]
pub(crate) struct Allowed<'a> {
    /// What it needed.
    pub need: &'a Need,
    /// What it brought and was found good, in the order of the rule.
    pub granted: Vec<Granted<'a>>,
    /// What its body has to be, which is still to come, and the place of the credential that says so.
    #[cfg(feature = "signature")]
    pub body: Option<(BodyDigest, usize)>,
}

/// A credential that was found good.
#[derive(Debug)]
pub(crate) struct Granted<'a> {
    /// Its place in [`Auth::credentials`].
    pub index: usize,
    /// Whose it is.
    pub owner: Owner<'a>,
}

/// Whose a credential is.
#[derive(Debug)]
pub(crate) enum Owner<'a> {
    /// The one of this name.
    Named(&'a str),
    /// What a token says.
    #[cfg(feature = "jwt")]
    Token(Rc<jwt::Verified>),
    /// What a signature says.
    #[cfg(feature = "signature")]
    Signer(signature::Verified<'a>),
}

impl Owner<'_> {
    /// The name.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Owner::Named(name) => Some(name),
            #[cfg(feature = "jwt")]
            Owner::Token(verified) => verified.consumer.as_deref(),
            #[cfg(feature = "signature")]
            Owner::Signer(verified) => Some(verified.owner),
        }
    }
}

/// A request that does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal<'a> {
    /// Why.
    pub reason: Reason,
    /// The credential that was brought and is the reason.
    pub credential: Option<usize>,
    /// What the request needed; none where no rule was found.
    pub need: Option<&'a Need>,
}

/// Decides at `now`, in milliseconds since 1970.
pub(crate) fn decide<'a>(
    auth: &'a Auth,
    memory: &mut Memory,
    request: &Request<'_>,
    data: &impl SharedData,
    now: u64,
) -> Decision<'a> {
    let need = match rules::find(&auth.rules, request) {
        Ok(rule) => &rule.need,
        Err(reason) => return Decision::Refuse(Refusal { reason, credential: None, need: None }),
    };
    let granted = match need {
        Need::None => Ok(Vec::new()),
        Need::Any(list) => any_of(auth, memory, request, list, now),
        Need::All(list) => all_of(auth, memory, request, list, now),
    };
    // What can be used once is used up when nothing else is in the way.
    let spent = granted.and_then(|granted| spend(auth, &granted, data, now).map(|()| granted));
    match spent {
        Ok(granted) => {
            #[cfg(feature = "signature")]
            let body = granted.iter().find_map(|granted| match &granted.owner {
                Owner::Signer(verified) => verified.body.clone().map(|digest| (digest, granted.index)),
                _ => None,
            });
            Decision::Allow(Allowed {
                need,
                granted,
                #[cfg(feature = "signature")]
                body,
            })
        }
        Err((reason, credential)) => Decision::Refuse(Refusal { reason, credential, need: Some(need) }),
    }
}

type Failed = (Reason, Option<usize>);

/// The first credential that was brought and is good. The first that was brought and is not is the reason to refuse.
fn any_of<'a>(
    auth: &'a Auth,
    memory: &mut Memory,
    request: &Request<'_>,
    list: &[usize],
    now: u64,
) -> Result<Vec<Granted<'a>>, Failed> {
    let mut failed = None;
    for &index in list {
        match check(auth, memory, request, index, now) {
            Ok(Some(owner)) => return Ok(vec![Granted { index, owner }]),
            Ok(None) => {}
            // Two of one kind are refused whatever else there is: nobody knows which of them the upstream would see.
            Err(Reason::Repeated) => return Err((Reason::Repeated, Some(index))),
            Err(reason) => failed = failed.or(Some((reason, Some(index)))),
        }
    }
    Err(failed.unwrap_or((Reason::Missing, None)))
}

/// Each of the credentials.
fn all_of<'a>(
    auth: &'a Auth,
    memory: &mut Memory,
    request: &Request<'_>,
    list: &[usize],
    now: u64,
) -> Result<Vec<Granted<'a>>, Failed> {
    let grant = |&index: &usize| match check(auth, memory, request, index, now) {
        Ok(Some(owner)) => Ok(Granted { index, owner }),
        Ok(None) => Err((Reason::Missing, None)),
        Err(reason) => Err((reason, Some(index))),
    };
    list.iter().map(grant).collect()
}

/// Whose the credential is that the request brings; none where it brings none of this kind.
fn check<'a>(
    auth: &'a Auth,
    memory: &mut Memory,
    request: &Request<'_>,
    index: usize,
    now: u64,
) -> Result<Option<Owner<'a>>, Reason> {
    let Some(credential) = auth.credentials.get(index) else { return Err(Reason::Host) };
    let seconds = i64::try_from(now / 1000).unwrap_or(i64::MAX);
    #[cfg(feature = "signature")]
    if let Kind::Signature(policy, _) = &credential.kind {
        return Ok(signature::verify(request, policy, seconds)?.map(Owner::Signer));
    }
    let Some(brought) = place::find(&credential.places, request)? else { return Ok(None) };
    #[cfg(any(feature = "jwt", feature = "basic"))]
    let remembered = memory.credentials.get_mut(index);
    match &credential.kind {
        #[cfg(feature = "jwt")]
        Kind::Jwt(jwt) => {
            let Some(Remembered::Tokens(tokens)) = remembered else { return Err(Reason::Host) };
            token(jwt, tokens, &mut memory.fetchers, &brought, seconds, now)
                .map(|verified| Some(Owner::Token(verified)))
        }
        #[cfg(feature = "api-key")]
        Kind::ApiKey(keys) => keys.owner(&brought).map(|owner| Some(Owner::Named(owner))),
        #[cfg(feature = "basic")]
        Kind::Basic(users) => {
            let Some(Remembered::Passwords(passwords)) = remembered else { return Err(Reason::Host) };
            users.check(&brought, passwords, seconds).map(|owner| Some(Owner::Named(owner)))
        }
        #[cfg(feature = "signature")]
        Kind::Signature(..) => Err(Reason::Host),
    }
}

#[cfg(feature = "jwt")]
fn token(
    jwt: &Jwt,
    tokens: &mut Verdicts<jwt::Verified>,
    fetchers: &mut [Fetcher],
    token: &[u8],
    seconds: i64,
    now: u64,
) -> Result<Rc<jwt::Verified>, Reason> {
    if let Some(verified) = tokens.get(token) {
        return match verified.window.check(seconds) {
            Ok(()) => Ok(verified),
            Err(reason) => {
                tokens.remove(token);
                Err(reason)
            }
        };
    }
    let verdict = match &jwt.keys {
        Keys::Inline(keys) => jwt::verify(token, keys, &jwt.policy, seconds),
        Keys::Remote(source) => {
            let fetcher = fetchers.get_mut(*source).ok_or(Reason::Host)?;
            let keys = fetcher.keys().ok_or(Reason::NoKeys)?;
            let verdict = jwt::verify(token, keys, &jwt.policy, seconds);
            if verdict == Err(Reason::UnknownKey) {
                fetcher.want(now);
            }
            verdict
        }
    };
    let verified = Rc::new(verdict?);
    tokens.insert(token, Rc::clone(&verified));
    Ok(verified)
}

fn spend(auth: &Auth, granted: &[Granted<'_>], data: &impl SharedData, now: u64) -> Result<(), Failed> {
    #[cfg(feature = "signature")]
    for granted in granted {
        let credential = auth.credentials.get(granted.index);
        if let (Owner::Signer(signature::Verified { once: Some((id, until)), .. }), Some(credential)) =
            (&granted.owner, credential)
            && let Kind::Signature(_, Some(table)) = &credential.kind
        {
            let seconds = i64::try_from(now / 1000).unwrap_or(i64::MAX);
            table.spend(data, *id, *until, seconds).map_err(|reason| (reason, Some(granted.index)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

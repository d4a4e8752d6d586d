//! What was written becomes a case, where its fields go together.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Wrong;
use super::raw::{
    RawAnswer, RawCallout, RawCase, RawCluster, RawExpect, RawExpectedRequest, RawExpectedResponse, RawRequest, RawStep,
};
use crate::case::{Answer, Body, Case, Cluster, Http, Request, Reset, Step, placeholder};
use crate::expect::{Expect, Expected, ExpectedCallout, ExpectedRequest, ExpectedResponse, HeaderExpectation};
use crate::value::{Bytes, Header};

type Clusters = BTreeMap<String, Cluster>;
type Headers = BTreeMap<String, HeaderExpectation>;
type Written<T> = Option<Spanned<T>>;

/// A case; `line_of` gives the line that holds a byte of the text.
pub(super) fn case(mut raw: RawCase, line_of: impl Fn(usize) -> usize) -> Result<Case, Wrong> {
    let line = line_of(raw.name.span().start);
    let clusters = clusters(std::mem::take(&mut raw.clusters), raw.configuration.as_ref())?;
    let refused = match &mut raw.expect {
        Some(expect) if expect.get_ref().refused.is_some() => {
            let at = expect.span();
            let refused = expect.get_mut().refused.take();
            let serves = raw.request.is_some() || raw.upstream.is_some() || raw.step.is_some();
            if serves || *expect.get_ref() != RawExpect::default() {
                let message = "expect: a refused configuration serves nothing; expected either `refused` and no more, or \
                               an exchange";
                return Err(Wrong::new(at, message));
            }
            refused
        }
        _ => None,
    };
    let name = raw.name.get_ref().clone();
    let configuration = raw.configuration.take();
    let steps = if refused.is_some() { Vec::new() } else { steps(raw, line, line_of, &clusters)? };
    Ok(Case { name, line, configuration, clusters, refused, steps, hostile: false })
}

/// The steps of a case that is served: at least one, and at least one that expects something.
fn steps(raw: RawCase, line: usize, line_of: impl Fn(usize) -> usize, clusters: &Clusters) -> Result<Vec<Step>, Wrong> {
    let RawCase { name, request, upstream, expect, step: written, .. } = raw;
    let Some(written) = written else {
        let at = expect.as_ref().map_or(name.span(), Spanned::span);
        let step = RawStep { request, upstream, expect, ..RawStep::default() };
        let step = self::step(step, line, clusters)?;
        let nothing = "expect: the case expects nothing; expected `refused`, `upstream`, `response`, `log`, `metrics` or \
                       `callouts` with a field";
        return if asks(&step.expect) { Ok(vec![step]) } else { Err(Wrong::new(at, nothing)) };
    };
    let outside = [request.map(|it| it.span()), upstream.map(|it| it.span()), expect.map(|it| it.span())];
    if let Some(at) = outside.into_iter().flatten().next() {
        let message =
            "a case with steps says it all in them; expected either `step`, or `request`, `upstream` and `expect`";
        return Err(Wrong::new(at, message));
    }
    let (at, mut steps) = (written.span(), Vec::new());
    for (index, raw) in written.into_inner().into_iter().enumerate() {
        let line = line_of(raw.span().start);
        let of_step = |wrong: Wrong| Wrong { message: format!("step {}: {}", index + 1, wrong.message), ..wrong };
        steps.push(step(raw.into_inner(), line, clusters).map_err(of_step)?);
    }
    match steps.iter().any(|step| asks(&step.expect)) {
        true => Ok(steps),
        false => Err(Wrong::new(at, "step: none of the steps expects anything; expected one with `expect`")),
    }
}

/// Whether an expectation can fail.
fn asks(expect: &Expect) -> bool {
    let upstream = expect.upstream.as_ref().is_some_and(|it| *it != Expected::Present(ExpectedRequest::default()));
    let response = expect.response.as_ref().is_some_and(|it| *it != Expected::Present(ExpectedResponse::default()));
    upstream || response || expect.log.is_some() || !expect.metrics.is_empty() || expect.callouts.is_some()
}

fn clusters(raw: BTreeMap<Spanned<String>, RawCluster>, configuration: Option<&Bytes>) -> Result<Clusters, Wrong> {
    let mut clusters = Clusters::new();
    for (name, cluster) in raw {
        let (at, name) = (name.span(), name.into_inner());
        let stands_for = placeholder(&name);
        let plain = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it));
        if !plain {
            let message = format!("clusters: expected a name of letters, digits, - and _, found {name:?}");
            return Err(Wrong::new(at, message));
        }
        // An executor calls a cluster as it likes, so this is the only way that a filter can learn of it.
        let named =
            configuration.is_some_and(|it| it.0.windows(stands_for.len()).any(|at| at == stands_for.as_bytes()));
        if !named {
            let message = format!("clusters.{name}: the configuration does not name it; expected {stands_for} in it");
            return Err(Wrong::new(at, message));
        }
        let (http, shared) = (cluster.http, cluster.shared);
        let answers = match cluster.answers {
            None => vec![Answer::default()],
            Some(answers) if answers.get_ref().is_empty() => {
                return Err(Wrong::new(answers.span(), "answers: expected at least one answer, found none"));
            }
            Some(answers) => {
                answers.into_inner().into_iter().map(|it| answer(it, http, "the cluster")).collect::<Result<_, _>>()?
            }
        };
        clusters.insert(name, Cluster { http, answers, shared });
    }
    Ok(clusters)
}

fn step(raw: RawStep, line: usize, clusters: &Clusters) -> Result<Step, Wrong> {
    let RawStep { advance, idle, request: sent, upstream, expect } = raw;
    if idle {
        let exchange = [
            sent.as_ref().map(Spanned::span),
            upstream.as_ref().map(Spanned::span),
            expect.as_ref().and_then(|it| it.get_ref().upstream.as_ref().map(Spanned::span)),
            expect.as_ref().and_then(|it| it.get_ref().response.as_ref().map(Spanned::span)),
        ];
        if let Some(at) = exchange.into_iter().flatten().next() {
            let message = "idle = true sends nothing; expected no `request`, `upstream`, `expect.upstream` and \
                           `expect.response`";
            return Err(Wrong::new(at, message));
        }
    }
    let request = request(sent.map(Spanned::into_inner).unwrap_or_default())?;
    let http = request.http;
    let upstream = answer(upstream.map(Spanned::into_inner).unwrap_or_default(), http, "the request")?;
    let expect = self::expect(expect.map(Spanned::into_inner).unwrap_or_default(), http, clusters)?;
    Ok(Step { line, advance: advance.0, request: (!idle).then_some(request), upstream, expect })
}

fn request(raw: RawRequest) -> Result<Request, Wrong> {
    let otherwise = Request::default();
    let http = raw.http;
    Ok(Request {
        method: raw.method.unwrap_or(otherwise.method),
        path: raw.path.unwrap_or(otherwise.path),
        headers: raw.headers,
        body: body(raw.body, raw.chunks, http, "the request")?,
        trailers: trailers(raw.trailers, http, "the request")?,
        http,
    })
}

/// An answer over the version of HTTP that `of` says: the request, or the cluster.
fn answer(raw: RawAnswer, http: Http, of: &str) -> Result<Answer, Wrong> {
    let otherwise = Answer::default();
    if let Some(status) = raw.status.as_ref().filter(|it| !(200..=599).contains(it.get_ref())) {
        let message = format!("status: expected a number from 200 to 599, found {}", status.get_ref());
        return Err(Wrong::new(status.span(), message));
    }
    let (at, reset) = raw.reset.map_or((0..0, Reset::Never), |it| (it.span(), it.into_inner()));
    let says = raw.status.is_some() || !raw.headers.is_empty() || raw.body.is_some() || raw.trailers.is_some();
    match reset {
        Reset::BeforeHeaders if says || raw.chunks.is_some() => {
            let message = "reset = true answers nothing; expected no field beside it but `delay`, or reset = \"body\"";
            return Err(Wrong::new(at, message));
        }
        Reset::InBody if raw.chunks.is_none() || raw.trailers.is_some() => {
            let message = "reset = \"body\" comes after the last chunk; expected `chunks`, and no `trailers`";
            return Err(Wrong::new(at, message));
        }
        _ => {}
    }
    Ok(Answer {
        status: raw.status.map_or(otherwise.status, Spanned::into_inner),
        headers: raw.headers,
        body: body(raw.body, raw.chunks, http, of)?,
        trailers: trailers(raw.trailers, http, of)?,
        delay: raw.delay.0,
        reset,
    })
}

fn body(body: Option<Bytes>, chunks: Written<Vec<Bytes>>, http: Http, of: &str) -> Result<Body, Wrong> {
    let Some(chunks) = chunks else { return Ok(Body::Whole(body.unwrap_or_default())) };
    if body.is_some() {
        return Err(Wrong::new(chunks.span(), "chunks: the body stands already; expected either `body` or `chunks`"));
    }
    if http == Http::One && chunks.get_ref().iter().any(|chunk| chunk.0.is_empty()) {
        let message = format!("chunks: an empty one would end a body in HTTP/1; add http = 2 to {of}");
        return Err(Wrong::new(chunks.span(), message));
    }
    Ok(Body::Chunks(chunks.into_inner()))
}

fn trailers(trailers: Written<Vec<Header>>, http: Http, of: &str) -> Result<Vec<Header>, Wrong> {
    Ok(in_http_2(trailers, http, of)?.unwrap_or_default())
}

fn expected_trailers(trailers: Written<Headers>, http: Http, of: &str) -> Result<Headers, Wrong> {
    Ok(lower(in_http_2(trailers, http, of)?.unwrap_or_default()))
}

/// Trailers, refused in HTTP/1: Envoy drops them there.
fn in_http_2<T>(trailers: Written<T>, http: Http, of: &str) -> Result<Option<T>, Wrong> {
    match trailers {
        Some(trailers) if http == Http::One => {
            let message = format!("trailers: Envoy drops those of HTTP/1; add http = 2 to {of}");
            Err(Wrong::new(trailers.span(), message))
        }
        trailers => Ok(trailers.map(Spanned::into_inner)),
    }
}

fn expect(raw: RawExpect, http: Http, clusters: &Clusters) -> Result<Expect, Wrong> {
    let callout = |raw| callout(raw, clusters);
    Ok(Expect {
        upstream: raw.upstream.map(|it| expected_request(it, http)).transpose()?,
        response: raw.response.map(|it| expected_response(it, http)).transpose()?,
        log: raw.log,
        metrics: raw.metrics,
        callouts: raw.callouts.map(|it| it.into_iter().map(callout).collect::<Result<_, _>>()).transpose()?,
    })
}

fn expected_request(raw: Spanned<RawExpectedRequest>, http: Http) -> Result<Expected<ExpectedRequest>, Wrong> {
    let (at, raw) = (raw.span(), raw.into_inner());
    let absent = raw.absent;
    let request = ExpectedRequest {
        method: raw.method,
        path: raw.path,
        headers: lower(raw.headers),
        body: raw.body,
        trailers: expected_trailers(raw.trailers, http, "the request")?,
    };
    match absent {
        true if request == ExpectedRequest::default() => Ok(Expected::Absent),
        true => Err(Wrong::new(at, "expect.upstream: what is absent has no other field")),
        false => Ok(Expected::Present(request)),
    }
}

fn expected_response(raw: Spanned<RawExpectedResponse>, http: Http) -> Result<Expected<ExpectedResponse>, Wrong> {
    let (at, raw) = (raw.span(), raw.into_inner());
    let absent = raw.absent;
    let response = ExpectedResponse {
        status: raw.status,
        headers: lower(raw.headers),
        body: raw.body,
        trailers: expected_trailers(raw.trailers, http, "the request")?,
        broken: raw.broken,
    };
    match absent {
        true if response == ExpectedResponse::default() => Ok(Expected::Absent),
        true => Err(Wrong::new(at, "expect.response: what is absent has no other field")),
        false => Ok(Expected::Present(response)),
    }
}

fn callout(raw: RawCallout, clusters: &Clusters) -> Result<ExpectedCallout, Wrong> {
    let (at, cluster) = (raw.cluster.span(), raw.cluster.into_inner());
    let Some(declared) = clusters.get(&cluster) else {
        let known: Vec<_> = clusters.keys().map(|it| format!("{it:?}")).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        let message = format!("callouts: {cluster:?} is no cluster of the case; it declares {known}");
        return Err(Wrong::new(at, message));
    };
    let request = ExpectedRequest {
        method: raw.method,
        path: raw.path,
        headers: lower(raw.headers),
        body: raw.body,
        trailers: expected_trailers(raw.trailers, declared.http, "the cluster")?,
    };
    Ok(ExpectedCallout { cluster, request })
}

fn lower(headers: Headers) -> Headers {
    headers.into_iter().map(|(name, expected)| (name.to_ascii_lowercase(), expected)).collect()
}

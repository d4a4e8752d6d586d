//! What was sent when a filter fell, as a case that can be pasted into `cases.toml`.

use toml::{Table, Value};

use crate::case::{Answer, Body, Case, Http, Request, Reset, Step};
use crate::judge::judge;
use crate::observed::Observed;
use crate::value::{Bytes, Header};

/// More bytes than this are told by their number: a report is read by a person, and the trial can be run again.
const MOST_SHOWN: usize = 2000;

/// The steps of a hostile case that did not hold, each as a case; nothing of any other case, which stands in a file.
pub(crate) fn recipes(case: &Case, observed: &Observed) -> String {
    let mut steps: Vec<_> = judge(case, observed).iter().map(|it| it.step).collect();
    steps.dedup();
    let steps = steps.into_iter().filter(|_| case.hostile).filter_map(|index| case.steps.get(index));
    steps.map(|step| format!("\nwhat was sent, as a case:\n{}", recipe(case, step))).collect()
}

/// One step of a hostile case as a case of its own, in TOML, which expects status 200 for want of knowing better. What
/// the steps before it left in the filter is not there, and neither are the case's clusters.
pub(super) fn recipe(case: &Case, step: &Step) -> String {
    let mut made = Table::new();
    made.insert("name".into(), "what a hostile client did".into());
    if let Some(configuration) = &case.configuration {
        made.insert("configuration".into(), bytes(configuration));
    }
    if let Some(sent) = &step.request {
        made.insert("request".into(), Value::Table(request(sent)));
    }
    made.insert("upstream".into(), Value::Table(answer(&step.upstream)));
    let status = Table::from_iter([("status".to_owned(), Value::from(200))]);
    made.insert("expect".into(), Value::Table(Table::from_iter([("response".to_owned(), Value::Table(status))])));
    let mut file = Table::new();
    file.insert("case".into(), Value::Array(vec![Value::Table(made)]));
    file.to_string()
}

fn request(of: &Request) -> Table {
    let mut made = Table::new();
    made.insert("method".into(), of.method.as_str().into());
    made.insert("path".into(), of.path.as_str().into());
    if of.http == Http::Two {
        made.insert("http".into(), 2.into());
    }
    message(&mut made, &of.headers, &of.body, &of.trailers);
    made
}

fn answer(of: &Answer) -> Table {
    let mut made = Table::new();
    made.insert("status".into(), i64::from(of.status).into());
    match of.reset {
        Reset::Never => {}
        Reset::BeforeHeaders => return Table::from_iter([("reset".to_owned(), true.into())]),
        Reset::InBody => drop(made.insert("reset".into(), "body".into())),
    }
    message(&mut made, &of.headers, &of.body, &of.trailers);
    made
}

fn message(table: &mut Table, headers: &[Header], body: &Body, trailers: &[Header]) {
    for (name, list) in [("headers", headers), ("trailers", trailers)] {
        if !list.is_empty() {
            let pair = |it: &Header| Value::Array(vec![it.name.as_str().into(), bytes(&it.value)]);
            table.insert(name.into(), Value::Array(list.iter().map(pair).collect()));
        }
    }
    match body {
        Body::Whole(it) if it.0.is_empty() => {}
        Body::Whole(it) => drop(table.insert("body".into(), bytes(it))),
        Body::Chunks(list) => drop(table.insert("chunks".into(), Value::Array(list.iter().map(bytes).collect()))),
    }
}

fn bytes(of: &Bytes) -> Value {
    match std::str::from_utf8(&of.0) {
        _ if of.0.len() > MOST_SHOWN => format!("({} bytes, too many to show)", of.0.len()).into(),
        Ok(text) => text.into(),
        Err(_) => {
            let hex = of.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            Value::Table(Table::from_iter([("hex".to_owned(), hex.into())]))
        }
    }
}

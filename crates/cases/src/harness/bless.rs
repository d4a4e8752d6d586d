//! Writes what was seen over the expectations that do not hold, and leaves the rest of the file as it is.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

use crate::case::{Case, Step};
use crate::judge::{Mismatch, judge};
use crate::observed::{Observed, Outcome, Reply, Seen, SeenCallout, SeenRequest};
use crate::value::{Bytes, Header};

/// What one run wrote so far.
#[derive(Debug, Default)]
pub(super) struct Blessing(Mutex<Written>);

#[derive(Debug, Default)]
struct Written {
    cases: HashSet<(PathBuf, String)>,
    told: Vec<String>,
}

impl Blessing {
    /// Makes the case hold, in its file.
    ///
    /// # Errors
    /// It cannot be made to: the file cannot be written, a configuration was refused or taken against expectation, which
    /// is for a person to decide, or another port of the filter was blessed already and did something else.
    pub(super) fn bless(&self, file: &Path, case: &Case, observed: &Observed) -> Result<()> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        // As it is now: another port of the filter may have been blessed in the meantime.
        let now = named(file, &text, &case.name)?;
        let found = judge(&now, observed);
        if found.is_empty() {
            return Ok(());
        }
        let key = (file.to_owned(), case.name.clone());
        ensure!(
            !written.cases.contains(&key),
            "it was blessed for another port of the filter, which does something else"
        );
        let text = rewrite(&text, &now, observed, &found)?;
        let left = judge(&named(file, &text, &case.name)?, observed);
        ensure!(left.is_empty(), "what was seen cannot be written as an expectation that holds: {left:?}");
        replace(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
        written.cases.insert(key);
        for it in found {
            let step = if case.steps.len() > 1 { format!(", step {}", it.step + 1) } else { String::new() };
            let place = format!("{}: case {:?}{step}: {}", file.display(), case.name, it.place);
            written.told.push(format!("blessed {place}: expected {}, now {}", it.expected, it.got));
        }
        Ok(())
    }

    /// What was written, one line for each expectation.
    pub(super) fn told(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).told.clone()
    }
}

fn named(file: &Path, text: &str, name: &str) -> Result<Case> {
    let cases = crate::parse(&file.display().to_string(), text)?;
    let case = cases.into_iter().find(|it| it.name == name);
    case.with_context(|| format!("{} holds no case {name:?} any more", file.display()))
}

/// Whole or not at all: a run may be interrupted.
fn replace(file: &Path, text: &str) -> Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".blessed");
    fs::write(&beside, text)?;
    Ok(fs::rename(&beside, file)?)
}

/// The file's text with every mismatch of one case mended.
fn rewrite(text: &str, case: &Case, observed: &Observed, found: &[Mismatch]) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    for mismatch in found {
        let value = seen_value(case, observed, mismatch)?;
        let table = case_table(&mut document, &case.name).context("only cases written as [[case]] can be blessed")?;
        let table = match table.contains_key("step") {
            true => table.get_mut("step").and_then(|it| element(it, mismatch.step)),
            false => Some(table),
        };
        let expect = table.and_then(|it| it.get_mut("expect")).and_then(Item::as_table_like_mut);
        put(expect.context("the step has no expectation to write over")?, &mismatch.field, value)?;
    }
    Ok(document.to_string())
}

fn case_table<'a>(document: &'a mut DocumentMut, name: &str) -> Option<&'a mut dyn TableLike> {
    let cases = document.get_mut("case")?.as_array_of_tables_mut()?;
    let case = cases.iter_mut().find(|it| it.get("name").and_then(Item::as_str) == Some(name))?;
    Some(case as &mut dyn TableLike)
}

/// The table of that index in either kind of list of tables.
fn element(list: &mut Item, index: usize) -> Option<&mut dyn TableLike> {
    match list {
        Item::ArrayOfTables(tables) => tables.get_mut(index).map(|it| it as &mut dyn TableLike),
        Item::Value(Value::Array(values)) => {
            values.get_mut(index)?.as_inline_table_mut().map(|it| it as &mut dyn TableLike)
        }
        _ => None,
    }
}

/// Puts a value in the place that a field's path names.
fn put(table: &mut dyn TableLike, path: &[String], value: Value) -> Result<()> {
    let (name, rest) = path.split_first().context("a field has a name")?;
    let missing = || format!("there is no {name} to write over");
    // Headers may be written in any case, and are told in lower.
    let known = table.iter().map(|(key, _)| key.to_owned()).find(|key| key.eq_ignore_ascii_case(name));
    if known.is_none() && name == "broken" {
        // The one expectation that holds or not without being written.
        add(table, name, value);
        return Ok(());
    }
    let item = table.get_mut(&known.with_context(missing)?).with_context(missing)?;
    match rest {
        [] => set(item, value),
        [index, rest @ ..] if !item.is_table_like() => {
            let index = index.parse().with_context(missing)?;
            return put(element(item, index).with_context(missing)?, rest, value);
        }
        rest => return put(item.as_table_like_mut().with_context(missing)?, rest, value),
    }
    Ok(())
}

/// Adds a field behind the last one; in an inline table the space before its end stays there.
fn add(table: &mut dyn TableLike, name: &str, mut value: Value) {
    let last = table.iter_mut().last().map(|(_, item)| item).and_then(Item::as_value_mut);
    if let Some(decor) = last.map(Value::decor_mut)
        && let Some(space) = decor.suffix().and_then(|it| it.as_str()).filter(|it| it.trim().is_empty())
    {
        let space = space.to_owned();
        decor.set_suffix("");
        *value.decor_mut() = toml_edit::Decor::new(" ", space);
    }
    table.insert(name, Item::Value(value));
}

/// Changes a value in the form that it is written in: a table stays one, and a comment behind a value stays.
fn set(item: &mut Item, value: Value) {
    match (item, value) {
        (Item::Table(table), Value::InlineTable(fields)) => {
            table.clear();
            for (name, value) in fields {
                table.insert(&name, Item::Value(value));
            }
        }
        (Item::Value(old), mut value) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        (item, value) => *item = Item::Value(value),
    }
}

/// What was seen in the place of a mismatch.
fn seen_value(case: &Case, observed: &Observed, mismatch: &Mismatch) -> Result<Value> {
    let path: Vec<&str> = mismatch.field.iter().map(String::as_str).collect();
    if mismatch.field.is_empty() {
        bail!("not blessed: a filter that traps, or does not answer, is for you to mend");
    }
    let steps = match (&observed.outcome, &case.refused) {
        (Outcome::Refused { log, .. }, Some(_)) => {
            return Ok(log.last().context("the filter refuses without a line in its log")?.as_str().into());
        }
        (Outcome::Refused { .. }, None) => {
            bail!("not blessed: whether the configuration is refused is for you to decide")
        }
        (Outcome::Served(_), Some(_)) => bail!("not blessed: whether the configuration is taken is for you to decide"),
        (Outcome::Served(steps), None) => steps,
    };
    let (step, seen) = case.steps.get(mismatch.step).zip(steps.get(mismatch.step)).context("the step was not done")?;
    value(step, seen, &path).with_context(|| format!("there is nothing to write for {}", mismatch.place))
}

fn value(step: &Step, seen: &Seen, path: &[&str]) -> Option<Value> {
    match path {
        ["upstream"] => Some(match &seen.upstream {
            None => table([("absent", true.into())]),
            Some(it) => table([("method", text(&it.method)), ("path", text(&it.path))]),
        }),
        ["upstream", rest @ ..] => of_request(seen.upstream.as_ref()?, rest),
        ["response"] => Some(match &seen.response {
            Reply::Nothing(_) => table([("absent", true.into())]),
            Reply::Response(it) => table([("status", i64::from(it.status).into())]),
        }),
        ["response", rest @ ..] => {
            let Reply::Response(response) = &seen.response else { return None };
            match rest {
                ["status"] => Some(i64::from(response.status).into()),
                ["headers", name] => Some(fields(&response.headers, name)),
                ["body"] => Some(bytes(&response.body)),
                ["trailers", name] => Some(fields(&response.trailers, name)),
                ["broken"] => Some(response.broken.into()),
                _ => None,
            }
        }
        ["log"] => Some(Value::Array(seen.log.iter().map(|line| text(line)).collect())),
        ["metrics", name] => i64::try_from(seen.metrics.get(*name).copied().unwrap_or(0)).ok().map(Value::from),
        ["callouts"] => Some(Value::Array(seen.callouts.iter().map(callout).collect())),
        ["callouts", index, rest @ ..] => {
            let expected = step.expect.callouts.as_ref()?;
            let index: usize = index.parse().ok()?;
            let cluster = &expected.get(index)?.cluster;
            let nth = expected[..index].iter().filter(|it| it.cluster == *cluster).count();
            of_request(&seen.callouts.iter().filter(|it| it.cluster == *cluster).nth(nth)?.request, rest)
        }
        _ => None,
    }
}

fn of_request(seen: &SeenRequest, path: &[&str]) -> Option<Value> {
    match path {
        ["method"] => Some(text(&seen.method)),
        ["path"] => Some(text(&seen.path)),
        ["headers", name] => Some(fields(&seen.headers, name)),
        ["body"] => Some(bytes(&seen.body)),
        ["trailers", name] => Some(fields(&seen.trailers, name)),
        _ => None,
    }
}

fn callout(seen: &SeenCallout) -> Value {
    let mut fields = vec![
        ("cluster", text(&seen.cluster)),
        ("method", text(&seen.request.method)),
        ("path", text(&seen.request.path)),
    ];
    if !seen.request.body.0.is_empty() {
        fields.push(("body", bytes(&seen.request.body)));
    }
    table(fields)
}

/// The expectation of exactly the values that a header has.
fn fields(headers: &[Header], name: &str) -> Value {
    let values: Vec<_> = headers.iter().filter(|it| it.name == name).map(|it| bytes(&it.value)).collect();
    match values.len() {
        0 => table([("absent", true.into())]),
        1 => values.into_iter().next().unwrap_or_else(|| false.into()),
        _ => Value::Array(values.into_iter().collect::<Array>()),
    }
}

fn bytes(bytes: &Bytes) -> Value {
    match std::str::from_utf8(&bytes.0) {
        Ok(it) => text(it),
        Err(_) => table([("hex", text(&bytes.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))]),
    }
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn table<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::InlineTable(fields.into_iter().collect::<InlineTable>())
}

use super::*;
use crate::observed::{Observed, Outcome, Reply, Seen, SeenCallout, SeenRequest, SeenResponse};
use crate::value::{Bytes, Header};

#[test]
fn a_run_names_cases_and_module() {
    assert_eq!("a.toml=b.wasm".parse(), Ok(Run { cases: "a.toml".into(), wasm: "b.wasm".into() }));
    let odd = "/a=b/cases.toml=/a=b/x.wasm".parse();
    assert_eq!(odd, Ok(Run { cases: "/a=b/cases.toml".into(), wasm: "/a=b/x.wasm".into() }));
    for wrong in ["a.toml", "=b.wasm", "a.toml="] {
        assert!(wrong.parse::<Run>().unwrap_err().contains("CASES.toml=MODULE.wasm"), "{wrong}");
    }
}

#[test]
fn a_run_without_a_case_is_an_error_and_what_went_wrong_beside_is_one() {
    let conclusion = |passed, failed| Conclusion {
        num_filtered_out: 3,
        num_passed: passed,
        num_failed: failed,
        num_ignored: 0,
        num_measured: 0,
    };
    assert_eq!(conclude(&conclusion(1, 0), &[]).unwrap(), 0);
    assert_eq!(conclude(&conclusion(1, 1), &[]).unwrap(), 101);
    assert!(conclude(&conclusion(0, 0), &[]).unwrap_err().to_string().contains("3 were filtered out"));
    assert!(conclude(&conclusion(1, 0), &["a VM trapped".into()]).is_err());
}

/// An executor that has seen the same of every case.
struct Saw(Outcome);

impl Executor for Saw {
    fn execute(&self, _: &Subject, _: &Case) -> Result<Observed> {
        Ok(Observed { outcome: self.0.clone(), traps: Vec::new(), notes: Vec::new() })
    }
}

/// A file of cases in a folder of its own.
struct File(tempfile::TempDir);

impl File {
    fn holding(text: &str) -> File {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cases.toml"), text).unwrap();
        File(folder)
    }

    fn run(&self, module: &str) -> Run {
        Run { cases: self.0.path().join("cases.toml"), wasm: module.into() }
    }

    fn harness(&self, modules: &[&str], arguments: &[&str], bless: bool) -> Result<Harness> {
        let runs: Vec<_> = modules.iter().map(|module| self.run(module)).collect();
        let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
        Harness::read("test", &runs, None, &arguments, bless)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.0.path().join("cases.toml")).unwrap()
    }
}

const TWO: &str = "[[case]]\nname = 'one'\nexpect.response.status = 200\n\
                   [[case]]\nname = 'two'\nstep = [{ advance = '1s', expect = { log = ['x'] } }]\n";

fn response(status: u16) -> Outcome {
    let response = Reply::Response(SeenResponse { status, ..SeenResponse::default() });
    Outcome::Served(vec![Seen { response, log: vec!["x".into()], ..Seen::default() }])
}

#[test]
fn every_case_of_every_module_is_a_trial_and_a_part_of_the_name_selects() {
    let file = File::holding(TWO);
    let names = |arguments: &[&str]| -> Vec<_> {
        let wanted = file.harness(&["a.wasm", "a.go.wasm"], arguments, false).unwrap().wanted();
        wanted.iter().flat_map(|it| it.cases.iter().map(|case| name(it, case))).collect()
    };
    assert_eq!(names(&[]), ["a::one", "a::two", "a.go::one", "a.go::two"]);
    assert_eq!(names(&["go::"]), ["a.go::one", "a.go::two"]);
    assert_eq!(names(&["--exact", "a::two"]), ["a::two"]);
    assert_eq!(names(&["none"]), [""; 0]);
    let harness = file.harness(&["a.wasm"], &[], false).unwrap();
    let order: Vec<_> = harness.cases().iter().map(|(suite, case)| name(suite, case)).collect();
    assert_eq!(order, ["a::two", "a::one"], "the one that waits comes first");
    let twice = file.harness(&["a/a.wasm", "b/a.wasm"], &[], false).unwrap_err().to_string();
    assert!(twice.contains("two modules \"a\""), "{twice}");
}

/// What becomes of every trial, in their order, without the harness that would print it: why it fails.
fn run(harness: &Harness, executor: impl Executor + Send + 'static) -> (Vec<Option<String>>, Vec<String>) {
    let blessing = Arc::default();
    let trials = harness.trials(&Arc::new(executor), &blessing);
    let failed = |failed: Failed| failed.message().unwrap_or_default().to_owned();
    (trials.into_iter().map(|(_, run)| run().err().map(failed)).collect(), blessing.told())
}

#[test]
fn a_case_that_does_not_hold_fails_its_trial() {
    let file = File::holding(TWO);
    let run = |status| run(&file.harness(&["a.wasm"], &[], false).unwrap(), Saw(response(status))).0;
    assert_eq!(run(200), [None, None]);
    let failed = run(500);
    assert!(failed[1].as_ref().is_some_and(|it| it.contains("expected: 200\n       got: 500")), "{failed:?}");
    assert_eq!(failed[0], None);
    assert_eq!(file.text(), TWO, "nothing is blessed unasked");
}

/// What a file becomes when it is blessed with what was seen, and why its first trial fails, where it does.
fn blessed(text: &str, outcome: Outcome) -> (String, Option<String>) {
    let file = File::holding(text);
    let (mut failed, told) = run(&file.harness(&["a.wasm"], &[], true).unwrap(), Saw(outcome));
    assert_eq!(told.is_empty(), file.text() == text, "what is written is told: {told:?}");
    (file.text(), failed.swap_remove(0))
}

fn header(name: &str, value: &[u8]) -> Header {
    Header { name: name.into(), value: Bytes(value.to_vec()) }
}

#[test]
fn what_does_not_hold_is_written_over_and_the_rest_is_left_as_it_is() {
    let text = r#"# A comment.
[[case]]
name   = "a"   # its name
configuration = '${k}'
clusters.k = {}
[case.expect.upstream]
method = "GET" # holds
path = "/old" # does not
headers = { X-A = ["1", "2"], x-b = { matches = "^b" }, x-c = "1", x-d = { present = true } }
body = { json = { a = 1 } }
[case.expect.response]
status = 200
broken = true
body = "b"
[case.expect]
log = ["no"]   # all of it
metrics = { m = 1, n = 2 }
callouts = [{ cluster = "k", path = "/x", headers = { h = "1" } }]
"#;
    let upstream = SeenRequest {
        method: "GET".into(),
        path: "/new".into(),
        headers: vec![header("x-a", b"1"), header("x-b", b"bb"), header("x-c", b"caf\xe9")],
        body: r#"{"a": 2}"#.into(),
        ..SeenRequest::default()
    };
    let request = SeenRequest { headers: vec![header("h", b"2"), header("h", b"3")], ..upstream.clone() };
    let seen = Seen {
        upstream: Some(upstream),
        response: Reply::Response(SeenResponse { status: 404, body: "b".into(), ..SeenResponse::default() }),
        log: vec!["yes".into(), "and \"no\"?".into()],
        metrics: [("m".to_owned(), 1)].into(),
        callouts: vec![SeenCallout { cluster: "k".into(), request }],
    };
    let expected = r#"# A comment.
[[case]]
name   = "a"   # its name
configuration = '${k}'
clusters.k = {}
[case.expect.upstream]
method = "GET" # holds
path = "/new" # does not
headers = { X-A = "1", x-b = { matches = "^b" }, x-c = { hex = "636166e9" }, x-d = { absent = true } }
body = '{"a": 2}'
[case.expect.response]
status = 404
broken = false
body = "b"
[case.expect]
log = ["no"]   # all of it
metrics = { m = 1, n = 0 }
callouts = [{ cluster = "k", path = "/new", headers = { h = ["2", "3"] } }]
"#;
    assert_eq!(blessed(text, Outcome::Served(vec![seen.clone()])), (expected.to_owned(), None));
    let seen = Seen { log: vec!["yes".into(), "or".into()], callouts: Vec::new(), ..seen };
    let (text, failed) = blessed(text, Outcome::Served(vec![seen]));
    assert!(text.contains("log = [\"yes\", \"or\"]   # all of it\n") && text.contains("callouts = []\n"), "{text}");
    assert_eq!(failed, None);
}

#[test]
fn what_is_there_or_not_is_blessed_both_ways() {
    let seen = |there: bool| Seen {
        upstream: there.then(|| SeenRequest { method: "PUT".into(), path: "/p".into(), ..SeenRequest::default() }),
        response: if there {
            Reply::Response(SeenResponse { status: 204, ..Default::default() })
        } else {
            Reply::default()
        },
        callouts: Vec::new(),
        ..Seen::default()
    };
    let there = "[[case]]\nname = \"a\"\n[case.expect.upstream]\npath = \"/\"\n[case.expect.response]\nstatus = 200\n";
    let (text, failed) = blessed(there, Outcome::Served(vec![seen(false)]));
    let absent = there.replace("path = \"/\"", "absent = true").replace("status = 200", "absent = true");
    assert_eq!((text, failed), (absent.clone(), None));
    let (text, failed) = blessed(&absent, Outcome::Served(vec![seen(true)]));
    let expected = there.replace("path = \"/\"", "method = \"PUT\"\npath = \"/p\"").replace("200", "204");
    assert_eq!((text, failed), (expected, None));
    let inline = "[[case]]\nname = \"a\"\nexpect.upstream.absent = true\nexpect.response = { status = 200 }\n";
    let (text, failed) = blessed(inline, Outcome::Served(vec![seen(false)]));
    assert_eq!((text, failed), (inline.replace("{ status = 200 }", "{ absent = true }"), None));
}

#[test]
fn where_a_response_ends_is_blessed_both_ways() {
    let seen = |broken| {
        let response = Reply::Response(SeenResponse { status: 200, broken, ..SeenResponse::default() });
        Outcome::Served(vec![Seen { response, ..Seen::default() }])
    };
    let text = "[[case]]\nname = 'a'\nexpect.response.broken = true # why\n";
    assert_eq!(blessed(text, seen(false)), (text.replace("true", "false"), None));
    let text = "[[case]]\nname = 'a'\nexpect.response = { status = 200 }\n";
    assert_eq!(blessed(text, seen(true)), (text.replace("200 }", "200, broken = true }"), None));
}

#[test]
fn steps_are_blessed_each_by_itself() {
    let text = "[[case]]\nname = 'a'\n[[case.step]]\nexpect.log = ['1']\n[[case.step]]\nidle = true\nexpect.log = ['2']\n\
                [[case]]\nname = 'b'\nstep = [{ expect = { log = ['1'] } }, { expect = { log = [] } }]\n";
    let logged = |line: &str| Seen { log: vec![line.into()], ..Seen::default() };
    let (now, failed) = blessed(text, Outcome::Served(vec![logged("1"), logged("3")]));
    assert_eq!((now, failed), (text.replace("['2']", "[\"3\"]").replace("[] }", "[\"3\"] }"), None));
}

#[test]
fn a_refusal_is_blessed_with_its_line_and_never_made_or_undone() {
    let text = "[[case]]\nname = 'a'\nexpect.refused = 'old' # why\n";
    let refused = |line: &str| Outcome::Refused { reason: "no".into(), log: vec!["first".into(), line.into()] };
    assert_eq!(blessed(text, refused("new")), (text.replace("'old'", "\"new\""), None));
    assert_eq!(blessed(text, refused("the old")), (text.to_owned(), None));
    let (same, failed) = blessed(text, response(200));
    assert!(failed.is_some_and(|it| it.contains("for you to decide")) && same == text);
    let served = "[[case]]\nname = 'a'\nexpect.response.status = 200\n";
    let (same, failed) = blessed(served, refused("new"));
    assert!(failed.is_some_and(|it| it.contains("for you to decide")) && same == served);
}

#[test]
fn ports_that_differ_are_not_blessed_into_agreement() {
    /// Answers with another status on every port.
    struct Differs;
    impl Executor for Differs {
        fn execute(&self, subject: &Subject, _: &Case) -> Result<Observed> {
            let status = if subject.label == "a" { 404 } else { 500 };
            Ok(Observed { outcome: response(status), traps: Vec::new(), notes: Vec::new() })
        }
    }
    let file = File::holding("[[case]]\nname = 'one'\nexpect.response.status = 200\n");
    let harness = file.harness(&["a.wasm", "b.wasm"], &[], true).unwrap();
    let (failed, told) = run(&harness, Differs);
    assert!(failed[0].is_none() && failed[1].as_ref().is_some_and(|it| it.contains("another port")), "{failed:?}");
    assert!(told.len() == 1 && told[0].ends_with("response status: expected 200, now 404"), "{told:?}");
    assert!(file.text().contains("status = 404"), "{}", file.text());
    let (failed, told) = run(&file.harness(&["a.wasm", "b.wasm"], &[], true).unwrap(), Saw(response(403)));
    assert_eq!((failed, told.len()), (vec![None, None], 1));
}

#[test]
fn several_texts_leave_the_cases_that_have_one_of_them() {
    let case = |name: &str| format!("[[case]]\nname = \"{name}\"\nexpect.response.status = 200\n");
    let file = File::holding(&["one", "two", "three"].map(case).concat());
    let left = |arguments: &[&str]| -> Result<Vec<String>> {
        let wanted = file.harness(&["x.wasm"], arguments, false)?.wanted();
        Ok(wanted.iter().flat_map(|suite| suite.cases.iter().map(|case| case.name.clone())).collect())
    };
    assert_eq!(left(&[]).unwrap(), ["one", "two", "three"]);
    assert_eq!(left(&["--case", "one", "--case", "thr"]).unwrap(), ["one", "three"]);
    let error = left(&["--case", "one", "--case", "four"]).unwrap_err().to_string();
    assert_eq!(error, "no case was run: none of 3 has \"four\" in its name");
}

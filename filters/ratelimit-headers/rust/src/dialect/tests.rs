use sfv::{BareItem, List, ListEntry, Parser};
use weir_testing::{STUCK, TestHeaders};

use super::*;

const NOW: u64 = 1_780_000_000;

fn shown(name: &str, remaining: u32, reset: u64) -> Shown<'_> {
    Shown { name, quota: 100, window: 60, remaining, reset }
}

fn texts(dialect: Dialect, policies: &[Shown<'_>]) -> Vec<(&'static str, String)> {
    let fields = fields(dialect, policies, NOW);
    fields.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect()
}

/// What a parser of Structured Fields makes of a list: each member's name and integers.
fn parsed(value: &[u8]) -> Vec<(String, Vec<(String, i64)>)> {
    let list: List = Parser::new(value).parse().unwrap();
    let item = |entry: ListEntry| match entry {
        ListEntry::Item(item) => item,
        ListEntry::InnerList(_) => panic!("an inner list"),
    };
    let member = |entry: ListEntry| {
        let item = item(entry);
        let BareItem::String(name) = item.bare_item else { panic!("no string") };
        let integer = |value: BareItem| i64::from(value.as_integer().expect("an integer"));
        (name.to_string(), item.params.into_iter().map(|(key, value)| (key.to_string(), integer(value))).collect())
    };
    list.into_iter().map(member).collect()
}

#[test]
fn draft_11_is_two_lists() {
    let policies =
        [shown("burst", 50, 30), Shown { name: "daily_2-x", quota: 1, window: 86_400, remaining: 0, reset: 0 }];
    assert_eq!(
        texts(Dialect::Draft11, &policies),
        [
            ("ratelimit-policy", r#""burst";q=100;w=60, "daily_2-x";q=1;w=86400"#.to_owned()),
            ("ratelimit", r#""burst";r=50;t=30, "daily_2-x";r=0;t=0"#.to_owned()),
        ]
    );
    assert_eq!(texts(Dialect::Draft11, &[]), []);
}

#[test]
fn draft_11_is_read_back_by_a_parser_of_structured_fields() {
    let names = ["a", "-_9", "Zz", &"n".repeat(64)];
    let policies: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let index = index as u32;
            Shown {
                name,
                quota: 1_000_000_000 - index,
                window: 31_536_000,
                remaining: index,
                reset: 315_360_000 * u64::from(index),
            }
        })
        .collect();
    let fields = fields(Dialect::Draft11, &policies, NOW);
    let pair = |key: &str, value: u64| (key.to_owned(), value as i64);
    let expected = |integers: fn(&Shown<'_>) -> [(&'static str, u64); 2]| -> Vec<_> {
        policies
            .iter()
            .map(|policy| (policy.name.to_owned(), integers(policy).map(|(key, value)| pair(key, value)).to_vec()))
            .collect()
    };
    assert_eq!(parsed(&fields[0].1), expected(|policy| [("q", policy.quota.into()), ("w", policy.window)]));
    assert_eq!(parsed(&fields[1].1), expected(|policy| [("r", policy.remaining.into()), ("t", policy.reset)]));
}

#[test]
fn the_others_tell_of_the_tightest_policy() {
    let policies = [
        Shown { name: "a", quota: 10, window: 60, remaining: 5, reset: 7 },
        Shown { name: "b", quota: 20, window: 3600, remaining: 4, reset: 8 },
        Shown { name: "c", quota: 30, window: 1, remaining: 4, reset: 9 },
    ];
    let of = |names: [&'static str; 3], values: [&str; 3]| -> Vec<_> {
        names.into_iter().zip(values.map(str::to_owned)).collect()
    };
    let draft = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    assert_eq!(texts(Dialect::Draft03, &policies), of(draft, ["30, 10;w=60, 20;w=3600, 30;w=1", "4", "9"]));
    let x = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    assert_eq!(texts(Dialect::XRateLimit, &policies), of(x, ["30", "4", "9"]));
    assert_eq!(texts(Dialect::XRateLimitEpoch, &policies), of(x, ["30", "4", "1780000009"]));
    for dialect in [Dialect::Draft03, Dialect::XRateLimit] {
        assert_eq!(texts(dialect, &[]), []);
    }
}

#[test]
fn only_dialects_with_the_same_headers_clash() {
    let all = [Dialect::Draft11, Dialect::Draft03, Dialect::XRateLimit, Dialect::XRateLimitEpoch];
    for (index, one) in all.into_iter().enumerate() {
        for (at, other) in all.into_iter().enumerate() {
            assert_eq!(clash(one, other), index == at || index + at == 5, "{one:?} {other:?}");
        }
    }
}

/// The headers after writing, of one name.
fn written(dialect: Dialect, upstream: Upstream, theirs: &[(&str, &str)], name: &str) -> Vec<String> {
    let theirs: Vec<_> = theirs.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let mut headers = TestHeaders::of(&theirs);
    write(&mut headers, dialect, upstream, &[shown("a", 5, 30), shown("b", 7, 30)], NOW).unwrap();
    headers.all(name).unwrap().into_iter().map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
}

#[test]
fn nothing_of_the_upstream_leaves_ours() {
    for upstream in [Upstream::Keep, Upstream::Replace, Upstream::Merge] {
        assert_eq!(written(Dialect::Draft11, upstream, &[], "ratelimit"), [r#""a";r=5;t=30, "b";r=7;t=30"#]);
        assert_eq!(written(Dialect::Draft11, upstream, &[], "ratelimit-policy"), [r#""a";q=100;w=60, "b";q=100;w=60"#]);
        assert_eq!(written(Dialect::XRateLimit, upstream, &[], "x-ratelimit-remaining"), ["5"]);
    }
}

#[test]
fn kept_and_replaced_are_whole_dialects() {
    let theirs = [("X-RateLimit-Limit", "9"), ("x-ratelimit-limit", "8"), ("ratelimit", "strange")];
    for (upstream, limit, remaining) in
        [(Upstream::Keep, vec!["9", "8"], vec![]), (Upstream::Replace, vec!["100"], vec!["5"])]
    {
        assert_eq!(written(Dialect::XRateLimit, upstream, &theirs, "x-ratelimit-limit"), limit);
        assert_eq!(written(Dialect::XRateLimit, upstream, &theirs, "x-ratelimit-remaining"), remaining);
    }
    assert_eq!(written(Dialect::Draft11, Upstream::Replace, &theirs, "x-ratelimit-limit"), ["9", "8"]);
    assert_eq!(written(Dialect::Draft11, Upstream::Keep, &theirs, "ratelimit-policy"), Vec::<String>::new());
}

#[test]
fn the_stricter_of_three_headers_stays() {
    for (remaining, stays) in
        [("4", true), ("0", true), ("4, 9;w=1", true), ("5", false), ("6", false), ("none", false), ("", false)]
    {
        for (dialect, prefix) in [(Dialect::Draft03, ""), (Dialect::XRateLimit, "x-"), (Dialect::XRateLimitEpoch, "x-")]
        {
            let names = ["limit", "remaining", "reset"].map(|name| format!("{prefix}ratelimit-{name}"));
            let theirs = [(names[0].as_str(), "77"), (names[1].as_str(), remaining), (names[2].as_str(), "77")];
            let limit = written(dialect, Upstream::Merge, &theirs, &names[0]);
            assert_eq!(limit == ["77"], stays, "{remaining:?}");
            assert_eq!(written(dialect, Upstream::Merge, &theirs, &names[2]) == ["77"], stays, "{remaining:?}");
        }
    }
}

#[test]
fn an_upstream_that_only_lists_its_policies_has_nothing_to_be_stricter_with() {
    let theirs = [("ratelimit-policy", r#""a";q=1;w=1"#)];
    assert_eq!(
        written(Dialect::Draft11, Upstream::Merge, &theirs, "ratelimit-policy"),
        [r#""a";q=100;w=60, "b";q=100;w=60"#]
    );
}

/// Both lists after merging with these of the upstream.
fn merged(policy: &str, limit: &str) -> [Vec<String>; 2] {
    let theirs = [("ratelimit-policy", policy), ("ratelimit", limit)];
    ["ratelimit-policy", "ratelimit"].map(|name| written(Dialect::Draft11, Upstream::Merge, &theirs, name))
}

#[test]
fn lists_are_merged_by_name() {
    let [policy, limit] = merged(r#""up";q=1;w=1;x=?1, "a";q=9;w=9"#, r#""up";r=0;t=1, "a";r=4;t=1, "b";r=8;t=1"#);
    assert_eq!(policy, [r#""b";q=100;w=60, "up";q=1;w=1;x=?1, "a";q=9;w=9"#]);
    assert_eq!(limit, [r#""b";r=7;t=30, "up";r=0;t=1, "a";r=4;t=1"#]);
    for (theirs, stays) in [("r=5;t=31", true), ("r=5;t=29", false), ("r=5", false), ("t=99", false), ("r=-1", false)] {
        let [_, limit] = merged("", &format!(r#""a";{theirs}"#));
        let (ours, other) = (r#""a";r=5;t=30, "b";r=7;t=30"#.to_owned(), format!(r#""b";r=7;t=30, "a";{theirs}"#));
        assert_eq!(limit, [if stays { other } else { ours }], "{theirs}");
    }
    // What is merged is a list of Structured Fields still.
    let [policy, limit] = merged(r#"token;q=1, "q \"x\"";q=1"#, r#"token;r=0"#);
    assert_eq!(Parser::new(&policy[0]).parse::<List>().unwrap().len(), 4);
    assert_eq!(Parser::new(&limit[0]).parse::<List>().unwrap().len(), 3);
}

#[test]
fn lists_in_several_headers_are_one() {
    let theirs = [("ratelimit", r#""x";r=1"#), ("RateLimit", r#""y";r=2, "a";r=0"#)];
    let limit = written(Dialect::Draft11, Upstream::Merge, &theirs, "ratelimit");
    assert_eq!(limit, [r#""b";r=7;t=30, "x";r=1, "y";r=2, "a";r=0"#]);
}

#[test]
fn what_cannot_be_understood_is_replaced() {
    for (policy, limit) in
        [("limit=100", "a;r=0"), ("", "100, 50"), ("(\"a\");q=1", "a;r=0"), ("", "\"a\";r=0,"), ("", "\u{e9}")]
    {
        let [policy, limit] = merged(policy, limit);
        assert_eq!(policy, [r#""a";q=100;w=60, "b";q=100;w=60"#]);
        assert_eq!(limit, [r#""a";r=5;t=30, "b";r=7;t=30"#]);
    }
}

#[test]
fn a_host_that_refuses_is_told_of() {
    struct Refusing;
    impl Headers for Refusing {
        fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Refused> {
            Err(Refused)
        }
        fn pairs(&self) -> Result<weir_kit::headers::Pairs, Refused> {
            Err(Refused)
        }
        fn set(&mut self, _: &str, _: &[u8]) -> Result<(), Refused> {
            Err(Refused)
        }
        fn append(&mut self, _: &str, _: &[u8]) -> Result<(), Refused> {
            Err(Refused)
        }
        fn remove(&mut self, _: &str) -> Result<(), Refused> {
            Err(Refused)
        }
    }
    for upstream in [Upstream::Keep, Upstream::Replace, Upstream::Merge] {
        for dialect in [Dialect::Draft11, Dialect::XRateLimit] {
            assert_eq!(write(&mut Refusing, dialect, upstream, &[shown(STUCK, 1, 1)], NOW), Err(Refused));
        }
    }
}

//! The reader against the schema, on configurations that are broken at random.

use serde_json::Value;
use weir_testing::Schema;

use super::*;

pub(super) const SEEDS: [&str; 6] = [
    r#"{"policies":[{"name":"a","key":["client",{"header":"x-a"},{"query":"q"}],"quota":10,"window":60,"burst":5,"cost":2}]}"#,
    r#"{"policies":[{"name":"b","key":[{"paths":[{"exact":"/a"},{"prefix":"/b"},{"template":"/c/{d}/*/**"}]},{"methods":["GET"]}],"missing":"skip","algorithm":"fixed-window","quota":7,"window":1,"shadow":true}]}"#,
    r#"{"trust":{"hops":1},"headers":{"dialects":["draft-11","x-ratelimit"],"upstream":"keep","shadow":"x-s"},"limited":{"status":429,"body":{"content_type":"text/plain","text":"no"}},"policies":[]}"#,
    r#"{"trust":{"networks":["10.0.0.0/8","::1"]},"state":{"name":"n","slots":64,"retries":3,"undecided":"admit"},"limited":{"body":"none"},"policies":[]}"#,
    r#"{"exempt":{"clients":["192.0.2.1"],"consumers":["c"],"methods":["GET"],"paths":[{"prefix":"/"}],"headers":[{"name":"x-a","values":["1"]}]},"policies":[]}"#,
    r#"{"policies":[{"name":"d","key":[{"client":{"v4":24,"v6":48,"groups":[{"name":"g","networks":["10.0.0.0/8"]}]}},{"claim":"sub"},{"property":["a","b"]},{"cookie":"c"}],"quota":9,"window":9,"cost":{"request_header":"x-c","default":1,"least":0,"most":9}},{"name":"e","quota":1,"window":1,"cost":{"response_header":"x-c"}}]}"#,
];

pub(super) const PIECES: [&str; 44] = [
    "\"policies\"",
    "\"name\"",
    "\"key\"",
    "\"missing\"",
    "\"algorithm\"",
    "\"quota\"",
    "\"window\"",
    "\"burst\"",
    "\"cost\"",
    "\"exempt\"",
    "\"header\"",
    "\"query\"",
    "\"paths\"",
    "\"template\"",
    "\"/{x}/**\"",
    "\"/**/x\"",
    "\"methods\"",
    "\"client\"",
    "\"consumer\"",
    "\"path\"",
    "\"gcra\"",
    "\"sliding-window\"",
    "\"draft-03\"",
    "\"x-ratelimit-epoch\"",
    "\"merge\"",
    "\"problem\"",
    "\"request_header\"",
    "\"response_header\"",
    "\"default\"",
    "\"least\"",
    "\"most\"",
    "\"hops\"",
    "\"networks\"",
    "\"10.0.0.0/7\"",
    "\"10.1.0.0/8\"",
    "\"fe80::/10\"",
    ",\"quota\":3",
    ",\"burst\":2",
    ",\"shadow\":false",
    "1000000001",
    "33",
    "\"/a?b\"",
    "\":path\"",
    ",{\"exact\":\"/z\"}",
];

/// What the schema cannot say, or says no better than by a hint.
fn beyond(config: &Value) -> bool {
    fn is_network(text: &str) -> bool {
        Cidr::parse(text.as_bytes()).is_some()
    }
    /// All texts that stand in lists under one of these names, wherever that is.
    fn all(value: &Value, names: &[&str], is_valid: fn(&str) -> bool) -> bool {
        match value {
            Value::Object(fields) => fields.iter().all(|(name, value)| {
                let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                (!names.contains(&name.as_str()) || texts.into_iter().all(is_valid)) && all(value, names, is_valid)
            }),
            Value::Array(list) => list.iter().all(|value| all(value, names, is_valid)),
            _ => true,
        }
    }
    let policies = config["policies"].as_array().unwrap();
    let mut names: Vec<_> = policies.iter().map(|policy| policy["name"].as_str()).collect();
    names.sort();
    names.dedup();
    names.len() == policies.len()
        && policies.iter().all(is_affordable)
        && all(config, &["networks", "clients"], is_network)
}

/// Whether the burst comes back in time, and no cost exceeds it.
fn is_affordable(policy: &Value) -> bool {
    let number = |value: &Value| value.as_u64();
    let (quota, window) = (number(&policy["quota"]).unwrap(), number(&policy["window"]).unwrap());
    let burst = number(&policy["burst"]).unwrap_or(quota);
    let cost = &policy["cost"];
    let dear = number(cost).into_iter().chain(["default", "most"].iter().filter_map(|name| number(&cost[name])));
    let most = number(&cost["most"]).unwrap_or(burst);
    burst * window <= 315_360_000 * quota
        && dear.into_iter().chain(Some(1)).all(|cost| cost <= burst || cost == 1)
        && number(&cost["least"]).is_none_or(|least| least <= most)
}

#[test]
fn the_reader_takes_what_the_schema_takes() {
    let schema = Schema::new(include_str!("../../../../config.schema.json"));
    for seed in SEEDS {
        assert!(Config::read(seed.as_bytes()).is_ok(), "{seed}");
    }
    let reads = |text: &[u8]| !text.is_empty() && Config::read(text).is_ok();
    let agreement = schema.agrees(&SEEDS, &PIECES, 60_000, reads, beyond);
    assert!(agreement.taken > 3_000 && agreement.refused > 3_000, "{agreement:?}");
}

/// Where the random texts hardly come: at the bounds.
#[test]
fn the_schema_has_the_readers_bounds() {
    let schema = Schema::new(include_str!("../../../../config.schema.json"));
    let policy = |rest: &str| format!(r#"{{"policies":[{{"name":"p","quota":9,"window":60{rest}}}]}}"#);
    let list = |count: usize, element: &str| vec![element; count].join(",");
    let mut texts = Vec::new();
    for (field, bounds) in [
        (r#""quota":1,"window""#, [0, 1, 31_536_000, 31_536_001]),
        (r#""window":1,"quota""#, [0, 1, 1_000_000_000, 1_000_000_001]),
    ] {
        texts.extend(bounds.map(|value| format!(r#"{{"policies":[{{"name":"p",{field}:{value}}}]}}"#)));
    }
    for bound in [0, 24, 32, 33, 128, 129] {
        texts.push(policy(&format!(r#","key":[{{"client":{{"v4":{bound}}}}}]"#)));
        texts.push(policy(&format!(r#","key":[{{"client":{{"v6":{bound}}}}}]"#)));
        texts.push(format!(r#"{{"policies":[],"trust":{{"hops":{bound}}}}}"#));
    }
    for bound in [0, 1, 1000, 1001, 1_048_576, 1_048_577] {
        texts.push(format!(r#"{{"policies":[],"state":{{"slots":{bound}}}}}"#));
        texts.push(format!(r#"{{"policies":[],"state":{{"retries":{bound}}}}}"#));
    }
    for status in [399, 400, 599, 600] {
        texts.push(format!(r#"{{"policies":[],"limited":{{"status":{status}}}}}"#));
    }
    for length in [0, 1, 64, 65, 256, 257, 1023, 1024, 8192, 8193] {
        let text = "a".repeat(length);
        texts.push(policy(&format!(r#","key":[{{"header":"{text}"}}]"#)));
        texts.push(policy(&format!(r#","key":[{{"query":"{text}"}}]"#)));
        texts.push(policy(&format!(r#","key":[{{"paths":[{{"exact":"/{text}"}}]}}]"#)));
        texts.push(policy(&format!(r#","key":[{{"paths":[{{"template":"/{text}"}}]}}]"#)));
        texts.push(format!(r#"{{"policies":[],"state":{{"name":"{text}"}}}}"#));
        texts.push(format!(r#"{{"policies":[],"limited":{{"body":{{"text":"{text}"}}}}}}"#));
        texts.push(format!(r#"{{"policies":[],"limited":{{"body":{{"text":"","content_type":"{text}"}}}}}}"#));
    }
    for count in [0, 1, 8, 9, 64, 65] {
        texts.push(policy(&format!(r#","key":[{}]"#, list(count, r#""path""#))));
        texts.push(policy(&format!(r#","key":[{{"property":[{}]}}]"#, list(count, r#""a""#))));
        texts.push(policy(&format!(r#","key":[{{"paths":[{}]}}]"#, list(count, r#"{"exact":"/"}"#))));
        texts.push(format!(r#"{{"policies":[],"exempt":{{"methods":[{}]}}}}"#, list(count, r#""GET""#)));
        texts.push(format!(r#"{{"policies":[],"exempt":{{"clients":[{}]}}}}"#, list(count, r#""::1""#)));
    }
    for character in (0..=0x7f_u8).map(char::from) {
        let text = serde_json::to_string(&format!("/a{character}b")).unwrap();
        let name = serde_json::to_string(&format!("a{character}b")).unwrap();
        texts.extend(
            ["exact", "prefix", "template"]
                .map(|kind| policy(&format!(r#","key":[{{"paths":[{{"{kind}":{text}}}]}}]"#))),
        );
        texts.push(policy(&format!(r#","key":[{{"header":{name}}}]"#)));
        texts.push(format!(r#"{{"policies":[],"state":{{"name":{name}}}}}"#));
        texts.push(format!(r#"{{"policies":[],"limited":{{"body":{{"text":"","content_type":{name}}}}}}}"#));
    }
    for text in texts {
        assert_eq!(Config::read(text.as_bytes()).is_ok(), schema.accepts(text.as_bytes()).is_some(), "{text}");
    }
}

//! What the reader says to some hundreds of texts, for the ports in other languages: `configurations.txt`.

use std::path::Path;

use weir_testing::hold_to;

use super::schema::{PIECES, SEEDS};
use super::*;

/// Texts of which each is there for a reason; random ones follow.
fn chosen() -> Vec<Vec<u8>> {
    let policy = |rest: &str| format!(r#"{{"policies":[{{"name":"p","quota":9,"window":60{rest}}}]}}"#);
    let common = |rest: &str| format!(r#"{{"policies":[],{rest}}}"#);
    let number = |text: &str| format!(r#"{{"policies":[{{"name":"p","window":1,"quota":{text}}}]}}"#);
    let mut texts: Vec<String> = SEEDS.map(str::to_owned).to_vec();
    texts.extend(
        ["1e2", "-1", "01", "1.", "1.5", "1e", "1x", "99999999999999999999999999999999999999999999", "0"].map(number),
    );
    texts.extend(["true", "false", "truex", "0", "null"].map(|value| policy(&format!(r#","shadow":{value}"#))));
    texts.extend(
        ["/a", "a", "/", "/a?b", "/a b", "", "/é"]
            .iter()
            .flat_map(|path| ["exact", "prefix", "template"].map(|kind| (kind, path)))
            .map(|(kind, path)| policy(&format!(r#","key":[{{"paths":[{{"{kind}":"{path}"}}]}}]"#))),
    );
    texts.extend(
        ["/{a}", "/{}", "/{a", "/a}", "/*", "/**", "/**/a", "/a*", "/{a}b", "/{a{b}}", "//", "/***"]
            .map(|template| policy(&format!(r#","key":[{{"paths":[{{"template":"{template}"}}]}}]"#))),
    );
    texts.extend(
        [
            "10.0.0.0/8",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/ 8",
            "::/0",
            "::1",
            "::1/128",
            "::/129",
            "fe80::1%eth0",
            "fe80::%eth0/64",
            "::ffff:10.0.0.0",
            "::ffff:10.0.0.0/104",
            "010.0.0.1",
            "10.0.0",
            "localhost",
            "",
            "/",
            "1.2.3.4/32/1",
        ]
        .map(|network| common(&format!(r#""trust":{{"networks":["{network}"]}}"#))),
    );
    texts.extend(
        [
            r#""trust":{}"#,
            r#""trust":{"hops":1,"networks":["::1"]}"#,
            r#""trust":{"networks":[]}"#,
            r#""trust":{"hops":33}"#,
            r#""headers":{"dialects":["draft-03","draft-03"]}"#,
            r#""headers":{"shadow":"X-A b"}"#,
            r#""limited":{"status":399}"#,
            r#""limited":{"body":7}"#,
            r#""limited":{"body":{"content_type":"text/html"}}"#,
            r#""limited":{"body":{"content_type":"é","text":""}}"#,
            r#""limited":{"body":{"content_type":"","text":""}}"#,
            r#""exempt":{"headers":[{"name":"x"}]}"#,
            r#""exempt":{"headers":[{"values":["1"]}]}"#,
            r#""exempt":{"consumers":[""]}"#,
            r#""state":{"name":"a.b"}"#,
            r#""state":{"slots":0}"#,
        ]
        .map(common),
    );
    texts.extend(
        [
            r#","key":[7]"#,
            r#","key":[{}]"#,
            r#","key":[{"header":"a","query":"b"}]"#,
            r#","key":[{"client":{"groups":[{"name":"g"}]}}]"#,
            r#","key":[{"client":{"groups":[{"networks":["::1"]}]}}]"#,
            r#","key":[{"property":[]}]"#,
            r#","cost":{"request_header":"a","response_header":"b"}"#,
            r#","cost":{"most":3}"#,
            r#","cost":{"request_header":"a","least":5,"most":4}"#,
            r#","cost":{"request_header":"a","most":10}"#,
            r#","cost":{"default":0}"#,
            r#","cost":0"#,
            r#","cost":[]"#,
            r#","burst":1000000000"#,
            r#","algorithm":"sliding-window","burst":1"#,
        ]
        .map(policy),
    );
    texts.push(r#"{"policies":[{"name":"p","quota":1,"window":31536000,"burst":11}]}"#.to_owned());
    texts.into_iter().map(String::into_bytes).collect()
}

#[test]
fn every_language_reads_what_is_written_down() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configurations.txt");
    let verdict = |text: &[u8]| match Config::read(text) {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.message().to_owned(),
    };
    hold_to(&file, chosen(), &SEEDS, &PIECES, verdict);
}

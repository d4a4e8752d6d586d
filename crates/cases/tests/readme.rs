//! The README's examples are read, and no field of the format is missing in it.

const README: &str = include_str!("../README.md");

/// The examples in TOML.
fn examples() -> Vec<&'static str> {
    README.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_is_read() {
    assert!(examples().len() >= 3);
    for example in examples() {
        weir_cases::parse("README.md", example).unwrap();
    }
}

/// The fields of a table, as the reader lists them where one does not exist.
fn fields(text: &str) -> Vec<String> {
    let said = weir_cases::parse("f", text).expect_err("there is no such field").to_string();
    let (_, known) = said.split_once("expected one of ").unwrap_or_else(|| panic!("{said}"));
    let known = known.lines().next().unwrap_or_default();
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_field_is_in_an_example() {
    let case = |text: &str| format!("[[case]]\nname = 'a'\n{text}\n");
    let tables = [
        case("none = 1"),
        case("[[case.step]]\nnone = 1"),
        case("request.none = 1"),
        case("upstream.none = 1"),
        case("expect.none = 1"),
        case("expect.upstream.none = 1"),
        case("expect.response.none = 1"),
        case("expect.callouts = [{ cluster = 'k', none = 1 }]"),
        case("clusters.k.none = 1"),
    ];
    let examples = examples().concat();
    for table in &tables {
        let fields = fields(table);
        assert!(fields.len() > 2, "{fields:?}");
        for field in fields {
            let used = examples.split(|it: char| !it.is_ascii_alphanumeric()).any(|word| word == field);
            assert!(used, "no example in README.md has the field {field}");
        }
    }
}

//! Structured Fields (RFC 9651), as far as signatures need them: dictionaries of byte sequences, and of lists of strings
//! with parameters. What is read can be written again in its one form, which is what was signed.

use crate::base64;

/// The most members of a dictionary, components of a signature, and parameters of either.
const MOST: usize = 32;

/// What stands behind a name of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// A list of strings without parameters of their own, and the parameters of the list.
    Components(Vec<String>, Vec<(&'a str, Item)>),
    /// Any other value, and its parameters.
    Item(Item, Vec<(&'a str, Item)>),
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Integer(i64),
    Token(String),
    Bytes(Vec<u8>),
    Boolean(bool),
}

impl Item {
    /// Writes it as RFC 9651, section 4.1, says.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Item::Text(text) => {
                out.push(b'"');
                for byte in text.bytes() {
                    if matches!(byte, b'"' | b'\\') {
                        out.push(b'\\');
                    }
                    out.push(byte);
                }
                out.push(b'"');
            }
            Item::Integer(number) => out.extend(decimal(*number).bytes()),
            Item::Token(token) => out.extend(token.bytes()),
            Item::Bytes(bytes) => {
                out.push(b':');
                out.extend(base64::write_standard(bytes).bytes());
                out.push(b':');
            }
            Item::Boolean(truth) => out.extend(if *truth { b"?1" } else { b"?0" }),
        }
    }
}

fn decimal(number: i64) -> String {
    let mut text = String::from(if number < 0 { "-" } else { "" });
    weir_kit::push_decimal(&mut text, number.unsigned_abs());
    text
}

/// Reads a dictionary (RFC 9651, section 3.2). None where it is no such field, has a list of anything but plain strings,
/// a decimal or a date, a name twice, or more than 32 of anything: whatever a list's strings have as parameters changes
/// what they stand for, and is not supported.
pub(super) fn dictionary(field: &[u8]) -> Option<Vec<(&str, Member<'_>)>> {
    let mut scan = Scan { text: std::str::from_utf8(field).ok()?.trim_matches(' '), at: 0 };
    let mut members: Vec<(&str, Member<'_>)> = Vec::new();
    while scan.peek().is_some() {
        let name = scan.name()?;
        let member = match scan.peek() {
            Some(b'=') => {
                scan.at += 1;
                scan.member()?
            }
            _ => Member::Item(Item::Boolean(true), scan.parameters()?),
        };
        if members.len() == MOST || members.iter().any(|(known, _)| *known == name) {
            return None;
        }
        members.push((name, member));
        scan.skip(b" \t");
        match scan.peek() {
            None => break,
            Some(b',') => scan.at += 1,
            Some(_) => return None,
        }
        scan.skip(b" \t");
        scan.peek()?;
    }
    Some(members)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, bytes: &[u8]) {
        while self.peek().is_some_and(|byte| bytes.contains(&byte)) {
            self.at += 1;
        }
    }

    /// Steps over the bytes that `belongs` and hands them out.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn name(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        if !first.is_ascii_lowercase() && first != b'*' {
            return None;
        }
        Some(self.run(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)))
    }

    fn member(&mut self) -> Option<Member<'a>> {
        if self.peek() != Some(b'(') {
            return Some(Member::Item(self.item()?, self.parameters()?));
        }
        self.at += 1;
        let mut components: Vec<String> = Vec::new();
        loop {
            self.skip(b" ");
            if self.peek()? == b')' {
                self.at += 1;
                return Some(Member::Components(components, self.parameters()?));
            }
            let Item::Text(component) = self.item()? else { return None };
            if components.len() == MOST || !matches!(self.peek(), Some(b' ' | b')')) {
                return None;
            }
            components.push(component);
        }
    }

    fn parameters(&mut self) -> Option<Vec<(&'a str, Item)>> {
        let mut parameters: Vec<(&str, Item)> = Vec::new();
        while self.peek() == Some(b';') {
            self.at += 1;
            self.skip(b" ");
            let name = self.name()?;
            let value = if self.peek() == Some(b'=') {
                self.at += 1;
                self.item()?
            } else {
                Item::Boolean(true)
            };
            if parameters.len() == MOST || parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parameters.push((name, value));
        }
        Some(parameters)
    }

    fn item(&mut self) -> Option<Item> {
        match self.peek()? {
            b'"' => self.text_item(),
            b':' => {
                self.at += 1;
                let encoded = self.run(|byte| byte != b':');
                self.at += 1;
                // The colon that closes it must be there.
                self.text.get(..self.at)?;
                base64::standard(encoded.as_bytes()).map(Item::Bytes)
            }
            b'?' => {
                let truth = match self.text.as_bytes().get(self.at + 1)? {
                    b'0' => false,
                    b'1' => true,
                    _ => return None,
                };
                self.at += 2;
                Some(Item::Boolean(truth))
            }
            b'-' | b'0'..=b'9' => {
                let number = self.run(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.');
                if number.trim_start_matches('-').len() > 15 {
                    return None;
                }
                // What was signed is the number's one form, so only that is read: no leading zeros, no minus zero.
                number.parse().ok().filter(|value| decimal(*value) == number).map(Item::Integer)
            }
            first if first.is_ascii_alphabetic() || first == b'*' => {
                let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
                Some(Item::Token(self.run(token).to_owned()))
            }
            _ => None,
        }
    }

    fn text_item(&mut self) -> Option<Item> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    text.push(char::from(self.peek().filter(|byte| matches!(byte, b'"' | b'\\'))?));
                }
                byte @ b' '..=b'~' => text.push(char::from(byte)),
                _ => return None,
            }
            self.at += 1;
        }
        self.at += 1;
        Some(Item::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_signatures_are_made_of() {
        let field =
            br#"sig1=("@method"  "x-a" );created=1618884473;keyid="k \"1\\";alg=t/x;b=:AQI=:;f;g=?0 ,  b=:AA==:;x,c"#;
        let members = dictionary(field).unwrap();
        let text = |text: &str| text.to_owned();
        let parameters = vec![
            ("created", Item::Integer(1_618_884_473)),
            ("keyid", Item::Text(text("k \"1\\"))),
            ("alg", Item::Token(text("t/x"))),
            ("b", Item::Bytes(vec![1, 2])),
            ("f", Item::Boolean(true)),
            ("g", Item::Boolean(false)),
        ];
        let wanted = [
            ("sig1", Member::Components(vec![text("@method"), text("x-a")], parameters)),
            ("b", Member::Item(Item::Bytes(vec![0]), vec![("x", Item::Boolean(true))])),
            ("c", Member::Item(Item::Boolean(true), vec![])),
        ];
        assert_eq!(members, wanted);
        assert_eq!(dictionary(b""), Some(vec![]));
        assert_eq!(dictionary(b" a=1 "), Some(vec![("a", Member::Item(Item::Integer(1), vec![]))]));
    }

    #[test]
    fn what_is_no_field_or_not_supported_is_refused() {
        for field in [
            "A=1",
            "=1",
            "a=",
            "a=1,",
            "a=1 b=2",
            "a=1,,b=2",
            "a=1,a=2",
            "a=()x",
            "a=(",
            "a=(\"x\"",
            "a=(1)",
            "a=(x)",
            "a=(\"x\"\"y\")",
            "a=(\"x\";sf)",
            "a=(\"x\";key=\"b\")",
            "a=1;",
            "a=1;B",
            "a=1;b=1;b=2",
            "a=\"x",
            "a=\"\\x\"",
            "a=\"é\"",
            "a=\"\u{7f}\"",
            "a=:AA",
            "a=:AA:",
            "a=:A A=:",
            "a=?2",
            "a=?",
            "a=1.5",
            "a=-",
            "a=01",
            "a=-0",
            "a=1-2",
            "a=1234567890123456",
            "a=@1659578233",
            "a=%\"x\"",
        ] {
            assert_eq!(dictionary(field.as_bytes()), None, "{field}");
        }
        assert_eq!(dictionary(b"a=\xff"), None);
    }

    #[test]
    fn bounds_hold() {
        let list = |count: usize| format!("a=({})", vec!["\"x\""; count].join(" "));
        let names = |count: usize| (0..count).map(|number| format!("a{number}")).collect::<Vec<_>>();
        for (most, field) in [(true, MOST), (false, MOST + 1)] {
            assert_eq!(dictionary(list(field).as_bytes()).is_some(), most);
            assert_eq!(dictionary(names(field).join(",").as_bytes()).is_some(), most);
            assert_eq!(dictionary(format!("a;{}", names(field).join(";")).as_bytes()).is_some(), most);
        }
        assert!(dictionary(b"a=999999999999999,b=-999999999999999").is_some());
    }

    #[test]
    fn what_was_read_is_written_in_its_one_form() {
        let field = br#"a="x\"\\ y",b=-12,c=To:k/en,d=:AQI=:,e=?1,f=?0"#;
        let mut written = Vec::new();
        for (name, member) in dictionary(field).unwrap() {
            let Member::Item(item, _) = member else { panic!("{name}") };
            written.extend_from_slice(format!("{}{name}=", if written.is_empty() { "" } else { "," }).as_bytes());
            item.write(&mut written);
        }
        assert_eq!(String::from_utf8(written).unwrap().as_bytes(), field);
    }
}

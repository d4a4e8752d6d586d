//! Reading what an upstream sent as a List of Structured Fields (RFC 9651), as far as merging needs it.

/// One member of a list whose members are named by a String or a Token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// The member as it stands there.
    pub text: &'a [u8],
    /// The name, without quotes and escapes.
    pub name: Vec<u8>,
    parameters: Vec<(&'a [u8], &'a [u8])>,
}

impl Member<'_> {
    /// The value of the last parameter of this name, where it is an integer that is not negative.
    pub(crate) fn integer(&self, name: &str) -> Option<u64> {
        let (_, value) = self.parameters.iter().rev().find(|(known, _)| *known == name.as_bytes())?;
        let digits = value.iter().all(u8::is_ascii_digit);
        if digits { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
    }
}

/// The members of a list; none where it is no list of members with names.
pub(crate) fn members(list: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut members = Vec::new();
    let mut rest = spaces(list);
    while !rest.is_empty() {
        let (member, after) = member(rest)?;
        members.push(member);
        rest = spaces(after);
        if let Some(after) = rest.strip_prefix(b",") {
            rest = spaces(after);
            if rest.is_empty() {
                return None;
            }
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(members)
}

fn member(text: &[u8]) -> Option<(Member<'_>, &[u8])> {
    let (name, mut rest) = match text.first()? {
        b'"' => string(text)?,
        byte if byte.is_ascii_alphabetic() || *byte == b'*' => {
            let (token, rest) = run(text, is_token);
            (token.to_vec(), rest)
        }
        _ => return None,
    };
    let mut parameters = Vec::new();
    while let Some(after) = rest.strip_prefix(b";") {
        let (key, after) = run(spaces(after), is_key);
        if key.is_empty() {
            return None;
        }
        let (value, after) = match after.strip_prefix(b"=") {
            None => (b"?1".as_slice(), after),
            Some(value) if value.first() == Some(&b'"') => {
                let (_, after) = string(value)?;
                (value.get(..value.len() - after.len())?, after)
            }
            Some(value) => run(value, is_item),
        };
        if value.is_empty() {
            return None;
        }
        parameters.push((key, value));
        rest = after;
    }
    Some((Member { text: text.get(..text.len() - rest.len())?, name, parameters }, rest))
}

/// A String from its opening quote on, and what follows.
fn string(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut content = Vec::new();
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((content, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first().filter(|(byte, _)| matches!(byte, b'"' | b'\\'))?;
                content.push(escaped);
                rest = after;
            }
            b' '..=b'~' => content.push(byte),
            _ => return None,
        }
    }
}

fn spaces(text: &[u8]) -> &[u8] {
    run(text, |byte| matches!(byte, b' ' | b'\t')).1
}

fn run(text: &[u8], part: fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at_checked(text.iter().take_while(|byte| part(**byte)).count()).unwrap_or((text, b""))
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
}

/// Whatever an item other than a String is made of: tokens, numbers, truths, dates, and byte sequences in base64.
fn is_item(byte: u8) -> bool {
    is_token(byte) || b"?@=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_names_and_integers() {
        let list = br#""a \"b\", c";r=5; t=30 , token;r=7;pk=:YQ==:;x="q;r=9";r=8,"z""#;
        let members = members(list).unwrap();
        let names: Vec<_> = members.iter().map(|member| String::from_utf8_lossy(&member.name)).collect();
        assert_eq!(names, ["a \"b\", c", "token", "z"]);
        assert_eq!(members[0].text, br#""a \"b\", c";r=5; t=30"#);
        assert_eq!(
            (members[0].integer("r"), members[0].integer("t"), members[0].integer("q")),
            (Some(5), Some(30), None)
        );
        assert_eq!((members[1].integer("r"), members[1].integer("pk"), members[2].integer("r")), (Some(8), None, None));
        assert_eq!(super::members(b"  "), Some(vec![]));
    }

    #[test]
    fn what_is_no_such_list_is_none() {
        let lists: [&[u8]; 17] = [
            b"limit=100",
            b"\"a",
            b"\"a\\x\"",
            b"\"\x7f\"",
            b"\"\xff\"",
            b"5;r=1",
            b"(\"a\");r=1",
            b"\"a\" \"b\"",
            b"\"a\",",
            b",",
            b"\"a\",,\"b\"",
            b"\"a\";",
            b"\"a\";R=1",
            b"\"a\";r=",
            b"\"a\";r=\"",
            b"?1",
            b"\"a\" ;r=1",
        ];
        for list in lists {
            assert_eq!(members(list), None, "{}", String::from_utf8_lossy(list));
        }
    }

    #[test]
    fn integers_are_digits_that_fit() {
        for (list, integer) in
            [("a;r=-1", None), ("a;r=1.0", None), ("a;r", None), ("a;r=99999999999999999999", None), ("a;r=0", Some(0))]
        {
            assert_eq!(members(list.as_bytes()).unwrap()[0].integer("r"), integer, "{list}");
        }
    }
}

//! What may be done to headers, and doing it.

use weir_kit::headers::{Headers, Refused};

/// One thing to do to the headers of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// A token (RFC 9110, section 5.6.2), as the configuration spells it.
    pub name: String,
    /// What to do.
    pub action: Action,
}

/// What to do to the headers of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Leave exactly one, with this value.
    Set(Vec<u8>),
    /// Add one with this value beside those that are there.
    Append(Vec<u8>),
    /// Add one with this value unless there is one already, whatever it holds.
    SetIfAbsent(Vec<u8>),
    /// Take all of them away.
    Remove,
}

/// Carries out `operations` in their order; each sees what those before it did.
///
/// # Errors
/// The host refused one or more of them. All the others were carried out.
pub(crate) fn apply(operations: &[Operation], headers: &mut impl Headers) -> Result<(), Refused> {
    let mut outcome = Ok(());
    for operation in operations {
        outcome = outcome.and(apply_one(operation, headers));
    }
    outcome
}

fn apply_one(Operation { name, action }: &Operation, headers: &mut impl Headers) -> Result<(), Refused> {
    match action {
        Action::Set(value) => headers.set(name, value),
        Action::Append(value) => headers.append(name, value),
        Action::SetIfAbsent(value) => {
            if headers.contains(name)? {
                Ok(())
            } else {
                headers.append(name, value)
            }
        }
        Action::Remove => headers.remove(name),
    }
}

#[cfg(test)]
mod tests {
    use weir_testing::{STUCK, TestHeaders};

    use super::*;

    fn operation(name: &str, action: Action) -> Operation {
        Operation { name: name.to_owned(), action }
    }

    fn after(operations: &[Operation], before: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
        let mut pairs = TestHeaders::of(before);
        apply(operations, &mut pairs).unwrap();
        pairs.0
    }

    #[test]
    fn set_leaves_one() {
        let set = [operation("x-a", Action::Set(b"3".to_vec()))];
        assert_eq!(
            after(&set, &[("x-a", b"1"), ("X-A", b"2"), ("x-b", b"")]),
            TestHeaders::of(&[("x-b", b""), ("x-a", b"3")]).0
        );
        assert_eq!(after(&set, &[]), TestHeaders::of(&[("x-a", b"3")]).0);
    }

    #[test]
    fn append_adds_one() {
        let append = [operation("x-a", Action::Append(b"2".to_vec()))];
        assert_eq!(after(&append, &[("x-a", b"1")]), TestHeaders::of(&[("x-a", b"1"), ("x-a", b"2")]).0);
    }

    #[test]
    fn set_if_absent_respects_whatever_is_there() {
        let set = [operation("x-a", Action::SetIfAbsent(b"2".to_vec()))];
        for value in [b"1".as_slice(), b"", b"\xff"] {
            assert_eq!(after(&set, &[("x-a", value)]), TestHeaders::of(&[("x-a", value)]).0);
        }
        assert_eq!(after(&set, &[]), TestHeaders::of(&[("x-a", b"2")]).0);
    }

    #[test]
    fn remove_takes_all() {
        let remove = [operation("x-a", Action::Remove)];
        assert_eq!(
            after(&remove, &[("x-a", b"1"), ("X-a", b"\xff"), ("x-b", b"")]),
            TestHeaders::of(&[("x-b", b"")]).0
        );
        assert_eq!(after(&remove, &[]), []);
    }

    #[test]
    fn order_is_kept() {
        let mut operations =
            vec![operation("x-a", Action::Append(b"1".to_vec())), operation("x-a", Action::SetIfAbsent(b"2".to_vec()))];
        assert_eq!(after(&operations, &[]), TestHeaders::of(&[("x-a", b"1")]).0);
        operations.reverse();
        assert_eq!(after(&operations, &[]), TestHeaders::of(&[("x-a", b"2"), ("x-a", b"1")]).0);
        operations.push(operation("x-a", Action::Remove));
        assert_eq!(after(&operations, &[]), []);
    }

    #[test]
    fn one_refusal_does_not_stop_the_others() {
        let mut pairs = TestHeaders::default();
        for action in [Action::Set(vec![]), Action::Append(vec![]), Action::SetIfAbsent(vec![]), Action::Remove] {
            let operations = [operation(STUCK, action), operation("x-a", Action::Append(b"1".to_vec()))];
            assert_eq!(apply(&operations, &mut pairs), Err(Refused));
        }
        assert_eq!(pairs.0.len(), 4);
    }
}

//! Text that is generated into a document that people write.

/// The document with other text between two marks; `None` where it lacks one of them.
pub fn replace_between(document: &str, begin: &str, end: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "<!-- begin -->\n";
    const END: &str = "<!-- end -->\n";

    fn replace(text: &str, new: &str) -> Option<String> {
        replace_between(text, BEGIN, END, new)
    }

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let text = format!("# A\n{BEGIN}old\n{END}after\n");
        assert_eq!(replace(&text, "new\n").unwrap(), format!("# A\n{BEGIN}new\n{END}after\n"));
    }

    #[test]
    fn without_the_marks_there_is_no_place() {
        assert_eq!(replace("# A\n", "new\n"), None);
        assert_eq!(replace(&format!("# A\n{BEGIN}old\n"), "new\n"), None);
    }
}

//! What a command prints: reports on standard output, progress and errors on standard error.
//!
//! Who reads may stop reading, as `head` does: that is no error, and what is left of the command goes on in silence.

use std::fmt;
use std::io::{self, Write};

use anyhow::{Context, Result};

/// Prints a part of a report.
///
/// # Errors
/// Standard output cannot be written to, as a file on a full disk.
pub fn print(text: impl fmt::Display) -> Result<()> {
    write_to(&mut io::stdout().lock(), text).context("cannot write to standard output")
}

fn write_to(to: &mut impl Write, text: impl fmt::Display) -> io::Result<()> {
    match write!(to, "{text}").and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints one line on standard error; there is nowhere to tell that it cannot be.
pub fn line(text: fmt::Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// One line of progress on standard error, so that standard output stays what a pipe wants.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::out::line(format_args!("weir: {}", format_args!($($arg)*))) };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_stops_is_no_error_and_a_full_disk_is_one() {
        assert!(write_to(&mut Fails(io::ErrorKind::BrokenPipe), "x").is_ok());
        assert!(write_to(&mut Fails(io::ErrorKind::StorageFull), "x").is_err());
    }
}

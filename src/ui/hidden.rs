//! Reads a line from the terminal without showing it.
//!
//! The keys are read one by one, because a command that waits for a whole line cannot be interrupted: the signal of Ctrl-C is
//! handled by the thread that waits.

use std::io::{self, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const CTRL_U: u8 = 21;
const DELETE: u8 = 127;
/// More is not a password.
const LONGEST: usize = 64 * 1024;

/// The terminal with its modes, which are restored at the end.
struct Hidden(Termios);

impl Hidden {
    fn start() -> io::Result<Self> {
        let modes = tcgetattr(io::stdin())?;
        let mut hidden = modes.clone();
        let shown = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        hidden.local_modes.remove(shown);
        // Not `Flush`, which would discard what was typed early.
        tcsetattr(io::stdin(), OptionalActions::Drain, &hidden)?;
        Ok(Self(modes))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// Prints the question on stderr and reads the answer from stdin. Asks again for an empty answer.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] for Ctrl-C, and for the end of the input.
pub(super) fn read(question: &str) -> io::Result<String> {
    if !io::stdin().is_terminal() {
        return Err(io::ErrorKind::NotConnected.into());
    }
    let hidden = Hidden::start()?;
    let mut stderr = io::stderr();
    loop {
        write!(stderr, "{question}: ")?;
        stderr.flush()?;
        let typed = line(&mut io::stdin().lock());
        // The key that ends the line is not shown either.
        write!(stderr, "\r\n")?;
        match typed {
            Ok(typed) if typed.is_empty() => {}
            typed => {
                drop(hidden);
                return typed;
            }
        }
    }
}

fn line(keys: &mut impl Read) -> io::Result<String> {
    let mut typed = Vec::new();
    let mut key = [0];
    loop {
        if keys.read(&mut key)? == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match key[0] {
            b'\r' | b'\n' => break,
            CTRL_C => return Err(io::ErrorKind::Interrupted.into()),
            CTRL_D if typed.is_empty() => return Err(io::ErrorKind::Interrupted.into()),
            CTRL_U => typed.clear(),
            BACKSPACE | DELETE => remove_last(&mut typed),
            byte if typed.len() < LONGEST => typed.push(byte),
            _ => {}
        }
    }
    String::from_utf8(typed).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Removes the last character, which may have several bytes.
fn remove_last(typed: &mut Vec<u8>) {
    let is_continuation = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    while typed.pop().is_some_and(is_continuation) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_edit_the_line() {
        for (keys, typed) in [
            (&b"s3cret\r"[..], "s3cret"),
            (b"a b\n", "a b"),
            ("se\u{e9}\x7fcret\r".as_bytes(), "secret"),
            (b"wrong\x15right\r", "right"),
            (b"\x08\x7fx\r", "x"),
        ] {
            assert_eq!(line(&mut &keys[..]).unwrap(), typed);
        }
    }

    #[test]
    fn an_interruption_is_an_error() {
        for keys in [&b"secret\x03"[..], b"\x04", b"no end"] {
            let error = line(&mut &keys[..]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        }
    }
}

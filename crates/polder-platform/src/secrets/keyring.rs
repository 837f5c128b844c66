//! Secrets in the keyring of the operating system: Keychain, Windows Credential Manager, and on Linux the kernel's.

use keyring::{Entry, Error};
use polder_model::secret::Secret;

use super::Lacking;

/// The password of an entry.
pub(super) fn read(service: &str, account: &str) -> Result<Secret, Lacking> {
    Entry::new(service, account).and_then(|entry| entry.get_password()).map(Secret::new).map_err(|error| {
        let entry = format!("{account} of {service}");
        match error {
            Error::NoEntry => Lacking::wrong(format!("the keyring has no {entry}"), "put it there as whoever runs polder"),
            // What it holds may be in the error.
            Error::BadEncoding(_) => Lacking::wrong(format!("{entry} in the keyring is not text in UTF-8"), "put a text there"),
            other => {
                let hint = "unlock it, or keep the secret in a file or a variable: not every machine has a keyring";
                Lacking::unavailable(format!("the keyring cannot be asked for {entry}"), hint).because(other)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_and_one_that_is_not_there_is_said() {
        let service = format!("polder-test-{}", std::process::id());
        let entry = Entry::new(&service, "state").unwrap();
        #[allow(clippy::print_stderr, reason = "what is skipped is said")]
        if let Err(error) = entry.set_password("hunter2") {
            eprintln!("SKIPPED: nothing can be put into the keyring of this machine: {error}");
            let unread = read(&service, "state").unwrap_err();
            assert!(unread.why.contains(&service), "{unread:?}");
            return;
        }
        assert_eq!(read(&service, "state").unwrap().expose(), "hunter2");
        entry.set_secret(&[0xff, b'x']).unwrap();
        let wrong = read(&service, "state").unwrap_err();
        assert!(wrong.why.ends_with("is not text in UTF-8") && wrong.source.is_none(), "{wrong:?}");
        entry.delete_credential().unwrap();
        let missing = read(&service, "other").unwrap_err();
        assert_eq!(missing.why, format!("the keyring has no other of {service}"));
    }
}

//! A way in for fuzzers, past signatures that they cannot make. Built with the feature `fuzzing` alone.

use polder_model::secret::Secret;

use crate::signed::Signing;

/// Signs anything as if it were an address.
#[must_use]
pub fn sealed(key: &Secret, said: &[u8]) -> String {
    Signing::new(key).seal(said)
}

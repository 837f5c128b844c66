//! Addresses are of one file, for one recipient, for a while.

use chrono::DateTime;
use polder_model::secret::Secret;
use polder_share::{Address, AddressError, AddressKey};
use proptest::prelude::*;

fn address() -> Address {
    Address {
        environment: "dev".parse().unwrap(),
        share: "partners".parse().unwrap(),
        recipient: "acme".parse().unwrap(),
        table: "finance.bronze.customer_v1".parse().unwrap(),
        copy: None,
        file: "country=NL/part-0001.parquet".to_owned(),
        expires: 1_000,
    }
}

fn key() -> AddressKey {
    AddressKey::new(&Secret::new("a key of the tenant"))
}

#[test]
fn an_address_is_followed_until_it_ends() {
    let signed = key().sign(&address());
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    assert_eq!(key().open(&signed, at(999)), Ok(address()));
    assert_eq!(key().open(&signed, at(1_000)), Err(AddressError::Expired));
    assert!(signed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')), "{signed}");
    let other = AddressKey::new(&Secret::new("another key"));
    assert_eq!(other.open(&signed, at(0)), Err(AddressError::Forged));
}

#[test]
fn parts_of_two_addresses_make_none() {
    let one = key().sign(&address());
    let two = key().sign(&Address { file: "part-0002.parquet".to_owned(), ..address() });
    let (said, _) = one.split_once('.').unwrap();
    let (_, proof) = two.split_once('.').unwrap();
    for forged in [&format!("{said}.{proof}"), said, &format!("{said}."), &format!(".{proof}"), "", "."] {
        assert_eq!(key().open(forged, DateTime::UNIX_EPOCH), Err(AddressError::Forged), "{forged}");
    }
}

proptest! {
    #[test]
    fn what_is_changed_or_cut_is_none(at in 0_usize..400, bit in 0_u8..7, cut in any::<bool>()) {
        let signed = key().sign(&address());
        let mut bytes = signed.clone().into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        let changed = String::from_utf8(bytes).unwrap();
        // The last character of a text in base 64 has bits that mean nothing, and which our reader refuses.
        prop_assert!(key().open(&changed, DateTime::UNIX_EPOCH).is_err() || changed == signed);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        prop_assert_eq!(key().open(&text, DateTime::UNIX_EPOCH), Err(AddressError::Forged));
    }
}

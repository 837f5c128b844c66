//! Bytes that are nearly messages, and bytes that are none.

use bytes::{BufMut as _, BytesMut};
use polder_pgwire::frontend::{Message, message, opening};
use proptest::collection::vec;
use proptest::prelude::*;

/// The longest message that is taken here.
const MOST: usize = 4_096;

fn framed(kind: u8, length: i32, body: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u8(kind);
    bytes.put_i32(length);
    bytes.put_slice(body);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_refused_or_waited_for(bytes in vec(any::<u8>(), 0..600)) {
        let mut input = BytesMut::from(&bytes[..]);
        for _ in 0..=bytes.len() {
            let before = input.len();
            match message(&mut input, MOST) {
                Ok(Some(_)) => prop_assert!(input.len() < before),
                Ok(None) => {
                    prop_assert_eq!(input.len(), before);
                    break;
                }
                Err(_) => break,
            }
        }
        drop(opening(&mut BytesMut::from(&bytes[..])));
    }

    #[test]
    fn a_message_with_any_body_takes_what_is_its_own_and_no_more(
        kind in prop::sample::select(b"pQPBDECHSXdcf?".to_vec()),
        body in vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..200),
        rest in vec(any::<u8>(), 0..20),
    ) {
        let mut input = framed(kind, i32::try_from(body.len() + 4).unwrap(), &body);
        input.put_slice(&rest);
        if let Ok(Some(read)) = message(&mut input, MOST) {
            prop_assert_eq!(&input[..], &rest[..]);
            if let Message::Bind(bind) = read {
                prop_assert!(bind.values.len() <= body.len() && bind.formats.len() <= body.len());
            }
        }
    }

    #[test]
    fn what_says_to_be_longer_than_is_taken_is_refused_at_once(length in any::<i32>(), kind in prop::sample::select(b"QPBE".to_vec())) {
        let read = message(&mut framed(kind, length, b""), MOST);
        let fits = usize::try_from(length).is_ok_and(|length| (4..=MOST).contains(&length));
        prop_assert_eq!(fits, matches!(read, Ok(None)) || (length == 4 && read.is_err()));
    }

    #[test]
    fn any_start_is_read_refused_or_waited_for(version in any::<i32>(), body in vec(prop_oneof![1 => Just(0_u8), 2 => any::<u8>()], 0..300)) {
        let mut input = BytesMut::new();
        input.put_i32(i32::try_from(body.len() + 8).unwrap());
        input.put_i32(version);
        input.put_slice(&body);
        drop(opening(&mut input));
        let mut input = BytesMut::new();
        input.put_i32(i32::try_from(body.len() + 8).unwrap());
        input.put_i32(3 << 16);
        input.put_slice(&body);
        drop(opening(&mut input));
    }
}

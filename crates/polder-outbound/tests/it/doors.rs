//! Who may be called.

use std::time::Duration;

use polder_outbound::OutboundError;

use crate::peer::{Peer, closed, get, open};

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn nothing_private_is_called_however_its_address_is_written() {
    let peer = Peer::saying(HELLO, false).await;
    let port = peer.address.port();
    let ways = [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "localhost",
        "LOCALHOST",
    ];
    for host in ways {
        for scheme in ["http", "https"] {
            let refused = closed().send(get(&format!("{scheme}://{host}:{port}/secret"))).await.unwrap_err();
            assert!(matches!(refused, OutboundError::Refused { .. }), "{scheme}://{host}: {refused:?}");
            assert!(!format!("{refused} {refused:?}").contains("secret"));
        }
    }
    assert_eq!(peer.calls(), 0);
}

#[tokio::test]
async fn an_allowed_network_is_called_by_plain_http_too() {
    let peer = Peer::saying(HELLO, false).await;
    let outbound = open(Duration::from_secs(5), 100);
    let port = peer.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let answer = outbound.send(get(&format!("http://{host}:{port}/"))).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, b"hello".as_slice()), "{host}");
    }
    // Allowed is not the same as trusted: this peer speaks no TLS.
    let failed = outbound.send(get(&format!("https://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(matches!(failed, OutboundError::Failed { .. }), "{failed:?}");
    // Other private networks stay closed.
    let refused = outbound.send(get("https://10.0.0.1/")).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Refused { .. }), "{refused:?}");
}

#[tokio::test]
async fn plain_http_to_the_internet_is_refused_before_anything_is_sent() {
    let refused = closed().send(get("http://8.8.8.8/")).await.unwrap_err();
    assert!(matches!(refused, OutboundError::NotSecure { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_web_address_is_refused() {
    for url in ["ftp://8.8.8.8/", "file:///etc/passwd", "/path", "https://user:word@8.8.8.8/", "https://user@8.8.8.8/"] {
        let Ok(uri) = url.parse::<http::Uri>() else { continue };
        let mut request = get("https://8.8.8.8/");
        *request.uri_mut() = uri;
        let refused = closed().send(request).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Url { .. }), "{url}: {refused:?}");
    }
}

//! Who comes in, and what each of them sees.

use super::bed::{Door, TABLE, code, rows};

#[tokio::test]
async fn each_kind_of_principal_sees_what_it_may_and_nothing_of_the_rest() {
    let door = Door::new().await.loaded().await;
    let select = format!("SELECT id, name FROM {TABLE}");
    for (kind, expected) in [
        ("owner", Ok(vec!["1|Ana".to_owned()])),
        ("service", Ok(vec!["1|Ana".to_owned()])),
        ("pii", Ok(vec!["1|Ana".to_owned()])),
        ("member", Ok(vec!["1|***".to_owned()])),
        ("outsider", Err("42P01".to_owned())),
    ] {
        let client = door.client(kind).await;
        assert_eq!(rows(&client, &select).await, expected, "{kind}");
        let listed = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'finance.bronze'";
        let seen = if kind == "outsider" { "0" } else { "1" };
        assert_eq!(rows(&client, listed).await, Ok(vec![seen.to_owned()]), "{kind}");
        let named = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'customer_v1'";
        assert_eq!(rows(&client, named).await, Ok(vec![seen.to_owned()]), "{kind}");
    }
}

#[tokio::test]
async fn whoever_shows_no_good_token_of_their_own_stays_out() {
    let door = Door::new().await;
    for kind in super::super::bed::NONE {
        let refused = door.connect("olga", &door.bed.tokens[kind], "dev").await.expect_err(kind);
        assert_eq!(code(&refused), "28P01", "{kind}");
    }
    let refused = door.connect("olga", &door.bed.tokens["member"], "dev").await.err().unwrap();
    assert_eq!(code(&refused), "28P01");
    let refused = door.connect("olga", &door.bed.tokens["owner"], "prod").await.err().unwrap();
    assert_eq!(code(&refused), "3D000");
    for database in ["", "olga", "postgres"] {
        let client = door.connect("olga", &door.bed.tokens["owner"], database).await.unwrap();
        assert_eq!(rows(&client, "SELECT current_database(), current_user").await, Ok(vec!["dev|olga".to_owned()]));
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_the_session_at_its_next_statement() {
    let door = Door::new().await;
    let client = door.client("owner").await;
    assert_eq!(rows(&client, "SELECT 1").await, Ok(vec!["1".to_owned()]));
    let token = &door.bed.tokens["owner"];
    let id = token.split('_').nth(2).unwrap();
    let _revoked = door.bed.server.app.store.revoke_token(id, "a test", chrono::Utc::now()).await.unwrap();
    assert_eq!(rows(&client, "SELECT 1").await, Err("28P01".to_owned()));
    // The connection is over, and has to find that out.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(client.is_closed());
}

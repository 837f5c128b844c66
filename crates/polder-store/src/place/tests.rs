//! What is a place and what is not, and what is said of the latter.

use super::Place;

fn file(text: &str) -> Option<String> {
    Place::read(text).unwrap().file.map(|file| file.display().to_string())
}

fn refused(text: &str) -> String {
    Place::read(text).unwrap_err().to_string()
}

#[test]
fn a_path_is_a_file() {
    for path in ["/var/lib/polder/state", "/a b/c@d?e#f%41é", "/tmp/a:b", "/tmp/state.db"] {
        assert_eq!(file(path).as_deref(), Some(path));
    }
    let here = std::env::current_dir().unwrap();
    for path in ["state.db", "sub/state.SQLite", "state.sqlite3", "./state", "./a b@c"] {
        assert_eq!(file(path), Some(here.join(path.trim_start_matches("./")).display().to_string()), "{path}");
    }
    assert!(file("../state").is_some_and(|shown| shown.ends_with("../state")));
}

#[test]
fn a_url_says_by_its_scheme_what_it_is() {
    for (url, expect) in [
        ("sqlite:///var/lib/state", "/var/lib/state"),
        ("sqlite:/var/lib/state", "/var/lib/state"),
        ("SQLite:///var/lib/state", "/var/lib/state"),
    ] {
        assert_eq!(file(url).as_deref(), Some(expect), "{url}");
    }
    for url in
        ["postgres://user:S3cretPw@h/x", "postgresql://user@h/x?password=S3cretPw", "Postgres://user:S3cretPw@h/x#S3cretPw"]
    {
        let place = Place::read(url).unwrap();
        assert!(place.file.is_none(), "{url}");
        assert!(place.shown.starts_with("postgres") && place.shown.ends_with("://user@h/x"), "{}", place.shown);
        assert!(place.url.as_str().contains("S3cretPw"), "{url}");
    }
}

#[test]
fn of_what_is_no_place_nothing_is_shown_but_its_scheme() {
    let words = "is not a place for the state database: use a file's path, or a sqlite:// or postgres:// URL";
    for (text, shown) in [
        ("", ""),
        ("postgrs://user:S3cretPw@h/x", "postgrs://..."),
        ("mysql+ssl://user:S3cretPw@h/x.db", "mysql+ssl://..."),
        ("https://S3cretPw", "https://..."),
        ("postgres://user:S3cretPw@[", "postgres://..."),
        ("postgres:user:S3cretPw@h/x", "..."),
        ("user:S3cretPw@h://x.db", "..."),
        ("S3cretPw ://x", "..."),
        ("/S3cretPw://x", "..."),
        ("://S3cretPw", "..."),
        ("not a url S3cretPw", "..."),
        ("user:S3cretPw@h/x", "..."),
        ("S3cretPw", "..."),
        ("S3cretPw.database", "..."),
        (" /S3cretPw", "..."),
    ] {
        assert_eq!(refused(text), format!("{shown:?} {words}"), "{text}");
    }
}

//! A disk that is full, read-only or damaged: said with what to do, and nothing changed.

use std::fs;
use std::path::Path;

use crate::support::{polder, starter, write};
use crate::trouble::{BUCKET, Mount, STATE, applied, contents, copy, copy_into, loaded, refused};

const COUNT: [&str; 4] = ["query", "select count(*) as n from sales.bronze.orders_v1", "-o", "csv"];

#[test]
fn a_state_database_that_is_damaged_is_said_and_left_alone() {
    let whole = loaded();
    // The last to close the database leaves all of it in one file.
    crate::trouble::ask_state(whole.path(), "select address from entries");
    let database = fs::read(whole.path().join(STATE)).unwrap();
    let damaged: [(&str, Vec<u8>); 4] = [
        ("no database", b"this is no database, it is a letter to whoever finds it".repeat(100)),
        ("cut short", database[..database.len() / 2].to_vec()),
        (
            "junk in the middle",
            [&database[..4096], &vec![0xAB; database.len() - 8192][..], &database[database.len() - 4096..]].concat(),
        ),
        ("a future form", Vec::new()),
    ];
    for (what, bytes) in damaged {
        let folder = copy(whole.path());
        let folder = folder.path();
        if bytes.is_empty() {
            crate::trouble::change_state(folder, "insert into polder_form (number) values (999)");
        } else {
            fs::write(folder.join(STATE), &bytes).unwrap();
        }
        let before = contents(&folder.join(".polder/nonprod/lake"));
        let state = fs::read(folder.join(STATE)).unwrap();
        for args in [&["plan"][..], &["apply", "--yes"], &["run", "--all"], &COUNT] {
            let said = polder(folder, args);
            refused(&said, 7, &["state.db", if bytes.is_empty() { "use the newer polder" } else { "nothing in it was changed" }]);
        }
        assert_eq!(contents(&folder.join(".polder/nonprod/lake")), before, "{what}");
        assert_eq!(fs::read(folder.join(STATE)).unwrap(), state, "{what}");
    }
}

#[test]
fn a_damaged_delta_log_is_said_with_its_table_and_left_alone() {
    let log = format!("{BUCKET}/bronze/orders_v1/_delta_log");
    let whole = loaded();
    let entry = fs::read_to_string(whole.path().join(&log).join("00000000000000000001.json")).unwrap();
    let damaged = [
        ("00000000000000000001.json", "junk {{{\n"),
        ("00000000000000000000.json", "{\"add\":{}}\n"),
        ("00000000000000000001.json", &entry[..entry.len() - 20]),
    ];
    for (entry, text) in damaged {
        let folder = copy(whole.path());
        let folder = folder.path();
        write(folder, &format!("{log}/{entry}"), text);
        let before = contents(&folder.join(BUCKET));
        polder(folder, &["apply", "--yes"]);
        for (args, code) in [(&COUNT[..], 7), (&["run", "sales/load_orders"], 1), (&["history", "sales.bronze.orders_v1"], 7)] {
            let said = polder(folder, args);
            refused(&said, code, &["sales.bronze.orders_v1"]);
        }
        assert_eq!(contents(&folder.join(BUCKET)), before);
    }
}

#[test]
fn a_data_file_that_is_gone_is_said_with_its_table() {
    let folder = loaded();
    let folder = folder.path();
    let table = folder.join(BUCKET).join("bronze/orders_v1");
    for entry in fs::read_dir(&table).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    let said = polder(folder, &["query", "select order_id from sales.bronze.orders_v1"]);
    refused(&said, 1, &["parquet"]);
}

#[test]
fn on_a_read_only_folder_files_are_checked_and_nothing_else_is_begun() {
    let folder = starter();
    let Some(_mount) = Mount::read_only(folder.path()) else { return };
    assert!(polder(folder.path(), &["validate"]).well().starts_with("valid: "));
    for args in [&["plan"][..], &["apply", "--yes"], &["run", "--all"]] {
        let said = polder(folder.path(), args);
        refused(&said, 7, &[".polder", "ead-only"]);
    }
}

#[test]
fn on_a_mesh_that_became_read_only_nothing_is_half_done() {
    let folder = loaded();
    let before = contents(folder.path());
    {
        let Some(_mount) = Mount::read_only(folder.path()) else { return };
        write_is_refused(folder.path());
        for args in [&["apply", "--yes"][..], &["run", "--all"], &["plan"], &COUNT] {
            let said = polder(folder.path(), args);
            refused(&said, 7, &["$DIR/.polder/nonprod", "writ"]);
        }
    }
    assert_eq!(contents(folder.path()), before);
}

fn write_is_refused(folder: &Path) {
    assert!(fs::write(folder.join("probe"), "x").is_err(), "the mount is read-only");
}

#[test]
fn a_full_disk_fails_a_load_that_is_whole_once_there_is_room() {
    let folder = applied();
    let folder = folder.path();
    let rows: String = (1000_u64..60_000)
        .map(|id| format!("{id},2026-02-01,customer{}@example.com,{}.00,{}\n", id % 977 * 7919, id, id % 991 * 104_729))
        .collect();
    write(folder, "landing/orders/large.csv", &format!("order_id,ordered_on,customer_email,amount,note\n{rows}"));
    let bucket = folder.join(BUCKET);
    let tables = copy(&bucket);
    {
        let Some(_mount) = Mount::small_disk(&bucket, "300k") else { return };
        copy_into(tables.path(), &bucket);
        let said = polder(folder, &["run", "sales/load_orders"]);
        refused(&said, 1, &["sales.bronze.orders_v1", "No space left"]);
        assert_eq!(polder(folder, &COUNT).well(), "n\n0\n");
        let left = contents(&bucket).into_iter().filter(|(path, _)| !path.to_string_lossy().contains("_delta_log"));
        assert!(
            left.clone().next().is_none(),
            "nothing stays of a write that failed: {:?}",
            left.map(|(path, _)| path).collect::<Vec<_>>()
        );
    }
    let said = polder(folder, &["run", "sales/load_orders"]).well();
    assert!(said.contains("1 done"), "{said}");
    assert_eq!(polder(folder, &COUNT).well(), "n\n59003\n");
}

#[test]
fn a_full_disk_fails_an_apply_that_is_finished_once_there_is_room() {
    let folder = starter();
    let folder = folder.path();
    let lake = folder.join(".polder/nonprod/lake");
    fs::create_dir_all(&lake).unwrap();
    {
        let Some(_mount) = Mount::small_disk(&lake, "8k") else { return };
        let said = polder(folder, &["apply", "--yes"]);
        refused(&said, 1, &["No space left", "polder apply"]);
    }
    polder(folder, &["apply", "--yes"]).well();
    let plan = polder(folder, &["plan"]).well();
    assert!(plan.contains("Nothing to do"), "{plan}");
}

#[test]
fn a_full_disk_under_the_state_is_said() {
    let whole = applied();
    let folder = starter();
    let folder = folder.path();
    let home = folder.join(".polder");
    let Some(_mount) = Mount::small_disk(&home, "2m") else { return };
    copy_into(&whole.path().join(".polder"), &home);
    assert!(fs::write(home.join("filler"), vec![0; 4 << 20]).is_err());
    for args in [&["run", "sales/load_orders"][..], &["apply", "--yes"]] {
        let said = polder(folder, args);
        assert!([0, 1, 7].contains(&said.code) && !said.all().contains("panicked"), "{}", said.all());
    }
    fs::remove_file(home.join("filler")).unwrap();
    polder(folder, &["run", "sales/load_orders"]).well();
    assert_eq!(polder(folder, &COUNT).well(), "n\n3\n");
}

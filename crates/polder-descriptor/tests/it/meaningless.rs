//! What reads well and would mean nothing: keys where they do not apply, names that are taken, places that lead nowhere.

use crate::support::{CUSTOMER, DATASET_FILE, check, dataset, read};

#[test]
fn a_measure_is_never_required() {
    let view = CUSTOMER
        .replace("type: parallelread", "type: view")
        .replace("- {name: id, type: bigint}", "- {name: n, type: bigint, measure: count(*), optional: false}");
    let text = format!("{view}sql: select 'a' as fullName\n");
    check(
        DATASET_FILE,
        &text,
        &[
            "6:58+5 does-not-apply `false` a measure cannot be required: where there are no rows, an aggregate may have no value | take 'optional' out",
        ],
    );
    check(DATASET_FILE, &text.replace("optional: false", "optional: true"), &[]);
}

#[test]
fn a_volume_has_nothing_of_rows() {
    let volume = "type: volume\nentityName: files\nentityVersion: v1\n";
    let file = "domains/finance/datasets/files.yaml";
    let none = |at: &str, key: &str| {
        format!(
            "{at} does-not-apply `{key}` a volume has no '{key}': it is a folder of files, whatever is in them | take it out, or write type: parallelread for a table"
        )
    };
    check(file, &format!("{volume}coldStorage: {{location: {{bucket: b, prefix: silver, provider: aws}}}}\n"), &[]);
    check(
        file,
        &format!("{volume}columns: [{{name: id, type: bigint}}]\ncoldStorage: {{format: delta, hasHistory: true}}\n"),
        &[&none("4:1+7", "columns"), &none("5:15+6", "format"), &none("5:30+10", "hasHistory")],
    );
}

#[test]
fn a_prefix_leads_to_a_layer() {
    for prefix in ["../x", "bronze/../../x", "/bronze", "."] {
        let length = prefix.len();
        dataset(
            ("prefix: bronze", &format!("prefix: {prefix}")),
            &[&format!(
                "4:34+{length} path-escape `{prefix}` {prefix:?} is no folder below a bucket: a prefix begins with the layer, and leads nowhere else | name the layer alone, such as bronze"
            )],
        );
    }
}

#[test]
fn names_that_sql_and_grants_have_a_meaning_for_are_no_catalogs() {
    for name in ["information_schema", "pg_catalog", "public", "system", "metastore"] {
        let file = format!("domains/{name}/domain.yaml");
        let (_, faults) = read(&[(&file, "department: retail\nowner: owners\n")]);
        let [fault] = faults.as_slice() else { panic!("{faults:#?}") };
        assert_eq!((&*fault.code, &*fault.file), ("reserved-name", &*file));
        assert!(fault.message.starts_with(&format!("no domain can be named '{name}': ")), "{fault}");
        let connection = format!("name: {name}\nkind: sqlite\nfile: data/crm.db\n");
        let (_, faults) = read(&[("domains/finance/connections/c.yaml", &connection)]);
        let [fault] = faults.as_slice() else { panic!("{faults:#?}") };
        assert_eq!((&*fault.code, fault.line, fault.column), ("duplicate-catalog", 1, 7));
        assert!(fault.message.starts_with(&format!("a connection cannot be named '{name}': ")), "{fault}");
    }
}

#[test]
fn a_received_share_is_named_alone_and_its_cache_fits_a_disk() {
    let share = |rest: &str, expect: &[&str]| {
        let text = format!(
            "name: partner\nkind: delta-sharing\nendpoint: https://share.example.org/delta\ntoken: ${{secret:T}}\n{rest}"
        );
        check("domains/finance/connections/c.yaml", &text, expect);
    };
    share("share: parcels\ncache: {maxMegabytes: 0}\n", &[]);
    share(
        "share: a/b\ncache: {maxMegabytes: 99999999999}\n",
        &[
            "5:8+3 invalid-name `a/b` \"a/b\" is no share's name: it has a slash in it | write the share's name alone; its schemas and tables are named under 'tables'",
            "6:23+11 out-of-range `99999999999` 'maxMegabytes' is a number from 0 to 1048576 | write how much of the share's files is kept on the local disk, or 0 for none",
        ],
    );
}

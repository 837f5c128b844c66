//! Metric views: one declaration, the same number whatever is grouped by and however it is asked for.

use polder_engine::{AnalyzeTable, QueryError, QueryErrorKind};
use polder_model::resource::{Measure, View, ViewRights};
use polder_model::{Column, DataType, Mask};

use crate::mesh::{Mesh, Object, PEOPLE, Rights, column, engine, in_memory, people_batch, people_columns, rows};

const SQL: &str = "select dept, salary, fullName, id from people -- all of them\n;";

fn columns() -> Vec<Column> {
    vec![
        column("dept", DataType::String),
        column("people", DataType::Long),
        column("Total", DataType::Long),
        column("mean", DataType::Long),
        column("first", DataType::String),
    ]
}

fn measures() -> Vec<Measure> {
    [("people", "count(*)"), ("Total", "sum(salary)"), ("mean", "total / people"), ("first", "min(FULLNAME)")]
        .map(|(name, expression)| Measure { name: name.to_owned(), expression: expression.to_owned() })
        .to_vec()
}

fn metrics(rights: Rights) -> Object {
    let people = in_memory(&people_batch(&PEOPLE));
    let inner = Mesh::default().with_table("people", &people_columns(), &people, Rights::default());
    Object::Metrics { sql: SQL.to_owned(), columns: columns(), measures: measures(), inner, rights }
}

fn mesh() -> Mesh {
    let people = in_memory(&people_batch(&PEOPLE));
    Mesh::default()
        .with("a.b.staff", metrics(Rights::default()))
        .with("a.b.masked", metrics(Rights { masks: vec![("first", Mask::Redact), ("dept", Mask::Hash)], rows: None }))
        .with("a.b.south", metrics(Rights { masks: Vec::new(), rows: Some(vec!["dept = 'zuid'"]) }))
        .with_table("a.b.people", &people_columns(), &people, Rights::default())
}

async fn answer(sql: &str) -> Vec<String> {
    rows(&engine(), &mesh(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

async fn refusal(sql: &str) -> QueryError {
    match rows(&engine(), &mesh(), sql).await {
        Ok(rows) => panic!("{sql}: {rows:?}"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_measure_is_computed_for_what_is_grouped_by() {
    for (sql, expected) in [
        ("select dept, measure(total) from a.b.staff group by dept order by dept", vec!["noord|9050", "zuid|270"]),
        ("select DEPT, TOTAL, mean from a.b.staff order by 1", vec!["noord|9050|4525", "zuid|270|67"]),
        ("select mean from a.b.staff", vec!["1553"]),
        ("select s.total + MEASURE(s.people) as x from a.b.staff as s", vec!["9326"]),
        ("select staff.people from a.b.staff", vec!["6"]),
        ("select a.b.staff.people, staff.dept from a.b.staff order by dept", vec!["2|noord", "4|zuid"]),
        ("select * from a.b.staff order by people desc", vec!["zuid|4|270|67|Ann Alder", "noord|2|9050|4525|13"]),
        ("select m.* from a.b.staff m where dept = 'zuid'", vec!["zuid|4|270|67|Ann Alder"]),
        ("select dept from a.b.staff order by total", vec!["zuid", "noord"]),
        ("select dept from a.b.staff order by measure(mean) desc limit 1", vec!["noord"]),
        ("select dept, total from a.b.staff order by measure(total)", vec!["zuid|270", "noord|9050"]),
        ("select upper(dept) as d, people from a.b.staff where total > 300 and dept like 'n%'", vec!["NOORD|2"]),
        ("select dept, people from a.b.staff where (dept = 'zuid' or dept = 'x') and (people > 3)", vec!["zuid|4"]),
        ("select people from a.b.staff having people > 100", vec![]),
        ("select distinct dept from a.b.staff order by dept", vec!["noord", "zuid"]),
        ("select count(distinct dept) from a.b.staff", vec!["2"]),
        ("select count(*) from (select * from a.b.staff) as all_of_it", vec!["2"]),
        ("select sum(total) from (select dept, total from a.b.staff) as m", vec!["9320"]),
        (
            "with m as (select dept, total from a.b.staff) select p.id, m.total from a.b.people p join m on m.dept = p.dept where p.id = 1",
            vec!["1|270"],
        ),
        ("select people from a.b.staff union all select total from a.b.staff order by 1", vec!["6", "9320"]),
        ("select id from a.b.people where salary > (select mean from a.b.staff)", vec!["5"]),
        ("select dept, (select people from a.b.staff) as n from a.b.staff where dept = 'zuid'", vec!["zuid|6"]),
        (
            "select case when people > 3 then 'many' else 'few' end as c, dept from a.b.staff order by 2",
            vec!["few|noord", "many|zuid"],
        ),
        ("select dept, people from a.b.staff group by rollup(dept) order by people", vec!["noord|2", "zuid|4", "|6"]),
        ("select total, Total from a.b.staff", vec!["9320|9320"]),
    ] {
        assert_eq!(answer(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn its_columns_have_the_declared_names() {
    for (sql, expected) in [
        ("select TOTAL, measure(mean), mean + 1, dept from a.b.staff", vec!["Total", "mean", "mean + 1", "dept"]),
        ("select * from a.b.staff", vec!["dept", "people", "Total", "mean", "first"]),
    ] {
        let prepared = engine().prepare(sql, std::sync::Arc::new(mesh())).await.unwrap();
        let names: Vec<&str> = prepared.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_plan_has_no_name_that_the_engine_made_up() {
    for explain in ["explain", "explain analyze"] {
        let told = answer(&format!("{explain} select dept, total, mean from a.b.staff where total > 3")).await.join("\n");
        assert!(told.contains("salary") && told.contains("Total") && !told.contains("__polder"), "{explain}\n{told}");
    }
}

#[tokio::test]
async fn masks_and_row_conditions_hold() {
    assert_eq!(answer("select total, first from a.b.masked").await, ["9320|"]);
    assert_eq!(answer("select first is null as gone, count(*) from a.b.masked").await, ["true|6"]);
    assert_eq!(answer("select total from a.b.masked where dept = 'zuid'").await, [""]);
    assert_eq!(answer("select * from a.b.south").await, ["zuid|4|270|67|Ann Alder"]);
}

#[tokio::test]
async fn what_a_metric_view_cannot_tell_is_refused() {
    for (sql, says) in [
        ("select dept, sum(total) from a.b.staff", "is a measure, and so an aggregate already"),
        ("select measure(dept) from a.b.staff", "names no measure"),
        ("select measure(nothing) from a.b.staff", "its measures are people, Total, mean, first"),
        ("select people from a.b.staff group by total", "is a measure: rows are grouped by dimensions"),
        ("select s.dept from a.b.staff s join a.b.people p on p.dept = s.dept", "not joined"),
        ("select s.dept from a.b.staff s, a.b.people p", "not joined"),
        ("select s.dept from a.b.people p join (select * from a.b.staff, a.b.staff as t) as s on true", "not joined"),
        ("select x from a.b.staff as s(x)", "not joined"),
        ("select * exclude (dept) from a.b.staff", "name the columns"),
        ("select salary from a.b.staff", "salary"),
        ("select nothing_like_it from a.b.staff", "the columns are dept"),
        ("select dept || total from a.b.staff", "group by"),
        ("select fullName from a.b.staff", "fullname"),
        ("select \"__polder_input_salary\" from a.b.staff", "there is no column"),
        ("select max(__POLDER_INPUT_salary) from a.b.staff", "there is no column"),
        ("select s.__polder_input_id from a.b.staff s", "there is no column"),
        ("with x as (select __polder_input_id as i from a.b.staff) select * from x", "there is no column"),
        ("select 1 from a.b.people order by (select max(__polder_input_id) from a.b.staff)", "there is no column"),
    ] {
        let error = refusal(sql).await;
        let told = format!("{} {}", error.message, error.hint.unwrap_or_default());
        assert!(told.to_lowercase().contains(&says.to_lowercase()), "{sql}: {told}");
        assert!(sql.to_lowercase().contains("__polder") || !told.contains("__polder"), "{sql}: {told}");
    }
}

fn view(measures: &[(&str, &str)]) -> View {
    let measures = measures.iter().map(|(name, of)| Measure { name: (*name).to_owned(), expression: (*of).to_owned() });
    let measures: Vec<Measure> = measures.collect();
    let mut columns = vec![column("dept", DataType::String)];
    columns.extend(measures.iter().map(|measure| column(&measure.name, DataType::Long)));
    View {
        name: "a.b.staff".parse().unwrap(),
        dataset: "a/staff/v1".parse().unwrap(),
        owner: "ann".parse().unwrap(),
        comment: String::new(),
        sql: SQL.to_owned(),
        columns,
        measures,
        rights: ViewRights::Definer,
    }
}

async fn check(measures: &[(&str, &str)]) -> Result<polder_engine::Analysis, QueryError> {
    let tables = [AnalyzeTable { name: "people".to_owned(), columns: people_columns(), measures: Vec::new() }];
    let body = ["dept", "salary", "fullName", "id"].map(str::to_owned);
    engine().analyze_measure(&view(measures), measures.len() - 1, &body, &tables).await
}

#[tokio::test]
async fn a_measure_is_checked_before_it_is_used() {
    let total = check(&[("n", "count(*)"), ("mean", "sum(salary) / n")]).await.unwrap();
    assert_eq!(total.columns.len(), 1);
    assert_eq!(total.columns[0].derived_from, [("people".to_owned(), "salary".to_owned())].into());
    let doubling: Vec<(String, String)> = (0..40)
        .map(|at| (format!("m{at}"), if at == 0 { "count(*)".to_owned() } else { format!("m{0} + m{0}", at - 1) }))
        .collect();
    let doubling: Vec<(&str, &str)> = doubling.iter().map(|(name, of)| (name.as_str(), of.as_str())).collect();
    for (measures, says) in [
        (vec![("x", "salary")], "salary stands outside of an aggregate"),
        (vec![("x", "sum(salary) + id")], "id stands outside of an aggregate"),
        (vec![("x", "summ(salary)")], "did you mean \"sum\""),
        (vec![("x", "1")], "it is no aggregate"),
        (vec![("x", "current_date")], "it is no aggregate"),
        (vec![("x", "sum(max(salary))")], "max(\"salary\") is an aggregate within another"),
        (vec![("n", "count(*)"), ("x", "sum(n)")], "an aggregate within another"),
        (vec![("x", "sum(nothing)")], "no column nothing"),
        (vec![("x", "sum(salary")], "expected"),
        (vec![("x", "sum(salary)) from people --")], "expected"),
        (vec![("x", "sum(salary), 1")], "expected"),
        (vec![("x", "(select max(id) from people)")], "no subquery"),
        (vec![("x", "sum(sum(salary)) over ()")], "no window"),
        (vec![("x", "y"), ("y", "count(*)")], "no column y"),
        (vec![("x", "x + 1")], "no column x"),
        (doubling, "parts"),
    ] {
        let error = check(&measures).await.err().or(check(&measures[..1]).await.err());
        let error = error.unwrap_or_else(|| panic!("{measures:?}"));
        assert!(
            format!("{} {}", error.message, error.hint.unwrap_or_default()).to_lowercase().contains(says),
            "{measures:?}: {}",
            error.message
        );
    }
}

#[tokio::test]
async fn queries_over_it_are_analyzed_without_rows() {
    let tables =
        [AnalyzeTable { name: "m".to_owned(), columns: columns(), measures: measures().into_iter().map(|m| m.name).collect() }];
    let analysis =
        engine().analyze("select upper(dept) as d, measure(total) as t, mean from m where people > 3", &tables).await.unwrap();
    let of = |at: usize| analysis.columns[at].derived_from.iter().map(|(_, column)| column.as_str()).collect::<Vec<_>>();
    assert_eq!((of(0), of(1), of(2)), (vec!["dept"], vec!["Total"], vec!["mean"]));
    assert!(analysis.influences.iter().any(|(_, column)| column == "people"));
    let wrong = engine().analyze("select sum(total) from m", &tables).await.unwrap_err();
    assert_eq!(wrong.kind, QueryErrorKind::NotAllowed);
}

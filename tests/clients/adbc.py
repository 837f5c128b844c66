"""ADBC's driver for Arrow Flight SQL: queries, values, listings, large results, and whom it is refused.

POLDER_MEMBER_TOKEN   a token of someone who sees POLDER_MASKED masked
POLDER_PII_TOKEN      a token of someone who sees it in clear
POLDER_OWNER_TOKEN    a token of the service principal that loads POLDER_OWNED
POLDER_OUTSIDER_TOKEN a token of someone who may know of nothing
"""

import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow
from adbc_driver_manager import DatabaseOptions
from catalog_checks import *

ADDRESS = URL.replace("http://", "grpc+tcp://").replace("https://", "grpc+tls://")
OPTION = adbc_driver_flightsql.DatabaseOptions
MASKED_ROWS = f"select customer_id, full_name from {MASKED} order by customer_id"


def connect(token, **headers):
    options = {OPTION.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
    for name, value in headers.items():
        options[OPTION.RPC_CALL_HEADER_PREFIX.value + name] = value
    return flight_sql.connect(ADDRESS, db_kwargs=options, autocommit=True)


def rows(connection, sql, values=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


reader = connect(TOKEN)
member, pii = connect(os.environ["POLDER_MEMBER_TOKEN"]), connect(os.environ["POLDER_PII_TOKEN"])
outsider, owner = connect(os.environ["POLDER_OUTSIDER_TOKEN"]), connect(os.environ["POLDER_OWNER_TOKEN"])


@check("reads a table")
def _():
    assert rows(reader, f"select count(*) from {TABLE}") == [(ROWS,)]


@check("signs on with a token as the password")
def _():
    options = {"username": "token", "password": TOKEN}
    with flight_sql.connect(ADDRESS, db_kwargs=options, autocommit=True) as connection:
        assert rows(connection, "select 1") == [(1,)]
    refused(lambda: rows(flight_sql.connect(ADDRESS, db_kwargs={"username": "token", "password": "x"}), "select 1"), "unauth")


@check("binds values of every kind, and each row of many")
def _():
    with reader.cursor() as cursor:
        cursor.execute("select $1 + 1, $2, $3", (41, "'; drop table x; --", 1.5))
        assert cursor.fetchall() == [(42, "'; drop table x; --", 1.5)]
        batch = pyarrow.record_batch({"0": [1, 2, 3]})
        cursor.execute("select $1 * 10", batch)
        assert cursor.fetchall() == [(10,), (20,), (30,)]
        cursor.execute(f"select count(*) from {TABLE} where country = $1", ("nowhere",))
        assert cursor.fetchall() == [(0,)]


@check("changes what it may: tables, rows, rows of values")
def _():
    maker = connect(MAKER)
    with maker.cursor() as cursor:
        table = f"{CATALOG}.{SCHEMA}.made_by_adbc"
        cursor.executescript(f"create table {table} (id bigint, name string, price decimal(10,2))")
        try:
            assert cursor.execute(f"insert into {table} values (1, 'x', 1.50)").fetchone()[0] == 1
            cursor.executemany(f"insert into {table} (id, name) values ($1, $2)", [(2, "y"), (3, "it's")])
            assert cursor.rowcount == 2, cursor.rowcount
            cursor.executemany(f"update {table} set name = $2 where id = $1", [(2, "z")])
            assert rows(maker, f"select id, name from {table} order by id") == [(1, "x"), (2, "z"), (3, "it's")]
            refused(lambda: rows(reader, f"delete from {table}"), "lacks the scope write", "may not")
            # What is told of a change is often left unread.
            for _ in range(5):
                with maker.cursor() as unread:
                    unread.execute(f"insert into {table} (id) values (9)")
            assert rows(maker, f"select count(*) from {table} where id = 9") == [(5,)]
        finally:
            cursor.executescript(f"drop table {table}")


@check("is told kindly what it may not do")
def _():
    def many():
        with reader.cursor() as cursor:
            cursor.executemany("select $1", [(1,), (2,)])

    def ingest():
        with reader.cursor() as cursor:
            cursor.adbc_ingest("made", pyarrow.table({"a": [1]}))

    refused(many, "gives rows")
    refused(ingest, "not taken in bulk", "not implemented", "unimplemented")
    refused(lambda: rows(reader, f"delete from {TABLE}"), "lacks the scope write", "may not")


@check("lists catalogs, schemas, tables and columns")
def _():
    found = reader.adbc_get_objects(depth="columns", catalog_filter=CATALOG).read_all().to_pylist()
    schemas = {schema["db_schema_name"]: schema["db_schema_tables"] for schema in found[0]["catalog_db_schemas"]}
    tables = {table["table_name"]: table for table in schemas[SCHEMA]}
    columns = [column["column_name"] for column in tables[NAME]["table_columns"]]
    assert columns == ["order_id", "ordered_on", "country", "amount", "note"], columns
    assert reader.adbc_get_objects(depth="catalogs", catalog_filter="absent").read_all().num_rows == 0
    assert "TABLE" in reader.adbc_get_table_types()


@check("tells a table's schema and the server's name")
def _():
    schema = reader.adbc_get_table_schema(NAME, catalog_filter=CATALOG, db_schema_filter=SCHEMA)
    assert schema.field("amount").type == pyarrow.decimal128(12, 2), schema
    assert reader.adbc_get_info()["vendor_name"] == "polder"


@check("streams a large result whole")
def _():
    with reader.cursor() as cursor:
        cursor.execute("select value, repeat('x', 50) || value as word from generate_series(1, 500000)")
        count, total = 0, 0
        for batch in cursor.fetch_record_batch():
            count += batch.num_rows
            total += pyarrow.compute.sum(batch.column(0)).as_py() if batch.num_rows else 0
        assert (count, total) == (500_000, 500_000 * 500_001 // 2), (count, total)


@check("shows each reader what that reader may see")
def _():
    clear, masked = rows(pii, MASKED_ROWS), rows(member, MASKED_ROWS)
    assert clear[0][1] == "Ada Lovelace", clear[0]
    assert len(masked) == len(clear) and all(seen[1] != whole[1] for seen, whole in zip(masked, clear)), masked[0]
    assert rows(owner, f"select count(*) from {os.environ['POLDER_OWNED']}")[0][0] > 0


@check("tells nothing to whoever may know of nothing")
def _():
    refused(lambda: rows(outsider, MASKED_ROWS), "not found", "there is no", "notfound")
    assert outsider.adbc_get_objects(depth="tables", catalog_filter=CATALOG).read_all().num_rows == 0


@check("chooses an environment by a header")
def _():
    with connect(TOKEN, environment="dev") as connection:
        assert rows(connection, f"select count(*) from {TABLE}") == [(ROWS,)]
    refused(lambda: rows(connect(TOKEN, environment="nowhere"), "select 1"), "no such environment")


@check("is refused without a token that is good")
def _():
    refused(lambda: rows(connect("polder_pat_0000000000000000_" + "0" * 64), "select 1"), "unauth", "not accepted")


for connection in (reader, member, pii, outsider, owner):
    connection.close()
end()

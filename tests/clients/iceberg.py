"""PyIceberg and polars over Iceberg REST: tables that are kept as Delta, planned by the client and by the server.

POLDER_PII_TOKEN      a token of someone who sees POLDER_MASKED in clear
POLDER_OUTSIDER_TOKEN a token of someone who may know of nothing
POLDER_OWNER_TOKEN    a token of someone who may read POLDER_OWNED, a table on S3
"""

import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import datetime
from decimal import Decimal

import polars
from catalog_checks import *
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, In, IsNull, LessThan, Not

ICEBERG = URL + "/iceberg"
OWNED = os.environ["POLDER_OWNED"]


def catalog(token, warehouse=CATALOG, **properties):
    return RestCatalog("polder", uri=ICEBERG, warehouse=warehouse, token=token, **properties)


def within(name):
    """The name of a table in its catalog."""
    return name.split(".", 1)[1]


SERVER = {"scan-planning-mode": "server"}
reader, planned = catalog(TOKEN), catalog(TOKEN, **SERVER)
BOTH = [reader, planned]


@check("lists namespaces and tables")
def _():
    assert (SCHEMA,) in reader.list_namespaces()
    assert (SCHEMA, NAME) in reader.list_tables(SCHEMA)
    assert reader.table_exists((SCHEMA, NAME)) and not reader.table_exists((SCHEMA, "absent"))


@check("signs on with an id and a secret")
def _():
    signed_on = RestCatalog(
        "polder", uri=ICEBERG, warehouse=CATALOG, credential=f"reader:{TOKEN}", **{"oauth2-server-uri": URL + "/oidc/v1/token"}
    )
    assert (SCHEMA, NAME) in signed_on.list_tables(SCHEMA)


@check("reads a table whole, planned by the client and by the server")
def _():
    for each in BOTH:
        found = each.load_table(within(TABLE)).scan().to_arrow()
        assert found.num_rows == ROWS, found.num_rows
        row = min(found.to_pylist(), key=lambda row: row["order_id"])
        expected = {
            "order_id": 1000, "ordered_on": datetime.date(2026, 3, 1), "country": "NL", "amount": Decimal("1.00"), "note": "gift",
        }
        assert row == expected, row
    assert planned.supports_server_side_planning() and not reader.supports_server_side_planning()


@check("reads the rows that a filter means, of the files that have such rows")
def _():
    for filter in [
        EqualTo("country", "NL"),
        In("country", ["NL", "nowhere"]),
        And(GreaterThanOrEqual("order_id", 1005), LessThan("order_id", 1010)),
        Not(EqualTo("country", "NL")),
        IsNull("note"),
        GreaterThanOrEqual("ordered_on", "2026-03-03"),
    ]:
        answers = []
        for each in BOTH:
            scan = each.load_table(within(TABLE)).scan(row_filter=filter)
            rows = sorted(row["order_id"] for row in scan.to_arrow().to_pylist())
            assert scan.count() == len(rows), (filter, scan.count(), len(rows))
            answers.append(rows)
        assert answers[0] == answers[1] and 0 < len(answers[0]) < ROWS, (filter, answers)
    files = {each: len(list(each.load_table(within(TABLE)).scan(row_filter=EqualTo("country", "NL")).plan_files())) for each in BOTH}
    every = len(list(reader.load_table(within(TABLE)).scan().plan_files()))
    assert all(0 < few < every for few in files.values()), (files.values(), every)
    assert len(list(planned.load_table(within(TABLE)).scan(row_filter=LessThan("order_id", 0)).plan_files())) == 0


@check("reads some columns only")
def _():
    for each in BOTH:
        found = each.load_table(within(TABLE)).scan(selected_fields=("order_id", "country")).to_arrow()
        assert found.column_names == ["order_id", "country"] and found.num_rows == ROWS


@check("has the same snapshot each time it looks")
def _():
    one, other = (reader.load_table(within(TABLE)) for _ in range(2))
    assert one.metadata.current_snapshot_id == other.metadata.current_snapshot_id
    assert one.metadata_location == other.metadata_location


@check("reads a table on S3 with the credential that it is handed")
def _():
    owner = os.environ["POLDER_OWNER_TOKEN"]
    for each in [catalog(owner, OWNED.split(".")[0]), catalog(owner, OWNED.split(".")[0], **SERVER)]:
        assert each.load_table(within(OWNED)).scan().to_arrow().num_rows > 0


@check("polars scans it")
def _():
    frame = polars.scan_iceberg(reader.load_table(within(TABLE)))
    assert frame.collect().height == ROWS
    assert 0 < frame.filter(polars.col("country") == "NL").collect().height < ROWS


@check("is handed no files of a masked table, nor told their names")
def _():
    refused(lambda: reader.load_table(within(MASKED)), "mask", "whole", "forbidden")
    clear = catalog(os.environ["POLDER_PII_TOKEN"]).load_table(within(MASKED)).scan().to_arrow()
    assert "Ada Lovelace" in clear["full_name"].to_pylist()


@check("tells nothing to whoever may know of nothing")
def _():
    refused(lambda: catalog(os.environ["POLDER_OUTSIDER_TOKEN"]), "there is no", "nosuch", "not found")
    refused(lambda: catalog("polder_pat_0000000000000000_" + "0" * 64), "unauthorized", "credentials")


@check("is told of what is absent, and writes nothing")
def _():
    refused(lambda: reader.load_table((SCHEMA, "absent")), "there is no", "nosuchtable")
    refused(lambda: reader.create_namespace("made"), "not support", "endpoint")
    refused(lambda: reader.drop_table(within(TABLE)), "not support", "endpoint")


end()

"""polars `pl.Catalog`: lists, loads, reads, makes, drops."""

import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import polars as pl
from catalog_checks import *

reader = pl.Catalog(URL, bearer_token=TOKEN, require_https=False)
maker = pl.Catalog(URL, bearer_token=MAKER, require_https=False)


@check("lists catalogs, schemas and tables")
def _():
    assert CATALOG in [catalog.name for catalog in reader.list_catalogs()]
    assert SCHEMA in [schema.name for schema in reader.list_namespaces(CATALOG)]
    assert NAME in [table.name for table in reader.list_tables(CATALOG, SCHEMA)]


@check("loads a table's description")
def _():
    table = reader.get_table_info(CATALOG, SCHEMA, NAME)
    assert table.data_source_format == "DELTA" and table.columns and table.created_at and table.table_id
    assert len(table.get_polars_schema()) == len(table.columns)


@check("reads a table whole")
def _():
    assert reader.scan_table(CATALOG, SCHEMA, NAME).collect().height == ROWS


@check("is handed no files of a masked table")
def _():
    catalog, schema, name = MASKED.split(".")
    answer = reader.get_table_info(catalog, schema, name)
    refused(lambda: reader._get_table_credentials(answer.table_id, write=False), "masks", "permission", "403")


@check("is told of what is absent")
def _():
    refused(lambda: reader.get_table_info(CATALOG, SCHEMA, "absent"), "404", "not found", "there is no")
    refused(lambda: reader.list_tables("absent", SCHEMA), "404", "not found", "there is no")


@check("makes and drops a catalog and a schema")
def _():
    maker.create_catalog("polars_made", comment="made by polars")
    maker.create_namespace("polars_made", "s", comment="made by polars")
    assert [schema.name for schema in maker.list_namespaces("polars_made")] == ["s"]
    refused(lambda: maker.create_namespace("polars_made", "s"), "409", "already")
    refused(lambda: maker.delete_catalog("polars_made"), "not empty", "409")
    maker.delete_namespace("polars_made", "s")
    maker.delete_catalog("polars_made")
    assert "polars_made" not in [catalog.name for catalog in maker.list_catalogs()]


@check("drops nothing that files declare")
def _():
    refused(lambda: maker.delete_table(CATALOG, SCHEMA, NAME), "manage", "403", "404", "declared")


end()

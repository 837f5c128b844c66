"""daft's Unity Catalog: lists, reads, volumes."""

import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import warnings

warnings.filterwarnings("ignore")

import daft
from daft.catalog.__unity import UnityCatalogClient
from catalog_checks import *

reader = UnityCatalogClient(endpoint=URL, token=TOKEN)


@check("lists catalogs, schemas and tables")
def _():
    assert CATALOG in reader.list_catalogs()
    assert f"{CATALOG}.{SCHEMA}" in reader.list_schemas(CATALOG)
    assert TABLE in reader.list_tables(f"{CATALOG}.{SCHEMA}")


@check("reads a table whole")
def _():
    table = reader.load_table(TABLE, operation="READ")
    assert daft.read_deltalake(table).count_rows() == ROWS


@check("is handed no files of a masked table")
def _():
    refused(lambda: reader.load_table(MASKED, operation="READ"), "masks", "permission", "403")


@check("is told of what is absent")
def _():
    refused(lambda: reader.load_table(f"{CATALOG}.{SCHEMA}.absent"), "404", "not found", "not an existing")


end()

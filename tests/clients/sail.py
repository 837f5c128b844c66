"""Sail as a client of the catalog, with managed tables whose commits the catalog decides.

Runs Sail's own server with a catalog of type `unity`, and Spark's client against it.
"""

import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

from catalog_checks import *
from sail_server import sail

catalog = f'type="unity", name="polder", uri="{UNITY}", default_catalog="{CATALOG}", token="{MAKER}"'
with sail(catalog) as spark:

    def rows(sql):
        return [tuple(row) for row in spark.sql(sql).collect()]

    schema = "sail_made"
    table = f"{schema}.notes"

    @check("lists schemas")
    def _():
        assert SCHEMA in [row[0].split(".")[-1] for row in rows("SHOW DATABASES")]

    @check("makes a schema")
    def _():
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        assert schema in [row[0].split(".")[-1] for row in rows("SHOW DATABASES")]

    @check("makes a managed table and commits to it by the catalog")
    def _():
        spark.sql(f"CREATE TABLE {table} (id BIGINT, text STRING) USING delta")
        assert "notes" in [row[1] for row in rows(f"SHOW TABLES IN {schema}")]
        spark.sql(f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')")
        spark.sql(f"INSERT INTO {table} VALUES (3, 'three')")
        assert rows(f"SELECT id, text FROM {table} ORDER BY id") == [(1, "one"), (2, "two"), (3, "three")]

    @check("updates and deletes rows")
    def _():
        spark.sql(f"DELETE FROM {table} WHERE id = 2")
        assert rows(f"SELECT id FROM {table} ORDER BY id") == [(1,), (3,)]

    @check("makes a table of a query")
    def _():
        spark.sql(f"CREATE TABLE {schema}.copy USING delta AS SELECT id + 10 AS id FROM {table}")
        assert rows(f"SELECT id FROM {schema}.copy ORDER BY id") == [(11,), (13,)]

    @check("drops what it made")
    def _():
        spark.sql(f"DROP TABLE {table}")
        spark.sql(f"DROP TABLE {schema}.copy")
        spark.sql(f"DROP SCHEMA {schema}")
        assert schema not in [row[0].split(".")[-1] for row in rows("SHOW DATABASES")]

end()

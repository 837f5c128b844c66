"""Sail as a client of Iceberg REST: it reads the metadata that is kept beside a Delta table."""

import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

from catalog_checks import *
from sail_server import sail

catalog = f'type="iceberg-rest", name="polder", uri="{URL}/iceberg", warehouse="{CATALOG}", bearer_access_token="{TOKEN}"'
with sail(catalog) as spark:

    def rows(sql):
        return [tuple(row) for row in spark.sql(sql).collect()]

    @check("lists schemas and tables")
    def _():
        assert SCHEMA in [row[0].split(".")[-1] for row in rows("SHOW DATABASES")]
        assert NAME in [row[1] for row in rows(f"SHOW TABLES IN {SCHEMA}")]

    @check("reads a table whole, and the rows that a filter means")
    def _():
        assert rows(f"SELECT count(*) FROM {SCHEMA}.{NAME}") == [(ROWS,)]
        some = rows(f"SELECT count(*) FROM {SCHEMA}.{NAME} WHERE country = 'NL'")[0][0]
        assert 0 < some < ROWS
        assert rows(f"SELECT order_id, country, CAST(amount AS STRING) FROM {SCHEMA}.{NAME} WHERE order_id = 1000") == [
            (1000, "NL", "1.00")
        ]

    @check("is handed no files of a masked table")
    def _():
        refused(lambda: rows(f"SELECT * FROM {MASKED.split('.', 1)[1]}"), "403", "mask", "whole", "forbidden")

end()

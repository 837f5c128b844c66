"""Sail as a client of Iceberg REST: it reads the metadata that is kept beside a Delta table."""

import os
import socket
import subprocess
import sys
import time

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

from catalog_checks import *


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


port = free_port()
catalog = f'{{type="iceberg-rest", name="polder", uri="{URL}/iceberg", warehouse="{CATALOG}", bearer_access_token="{TOKEN}"}}'
environment = {**os.environ, "SAIL_CATALOG__LIST": f"[{catalog}]", "SAIL_CATALOG__DEFAULT_CATALOG": '"polder"'}
sail = os.path.join(os.path.dirname(sys.executable), "sail")
server = subprocess.Popen([sail, "spark", "server", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL)
try:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()

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

    # While the server is there: at its exit Python would look for it for minutes.
    spark.stop()
finally:
    server.kill()
    server.wait()

end()

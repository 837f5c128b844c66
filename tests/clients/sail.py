"""Sail as a client of the catalog, with managed tables whose commits the catalog decides.

Runs Sail's own server with a catalog of type `unity`, and Spark's client against it.
"""

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
catalog = f'{{type="unity", name="polder", uri="{UNITY}", default_catalog="{CATALOG}", token="{MAKER}"}}'
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

    # While the server is there: at its exit Python would look for it for minutes.
    spark.stop()
finally:
    server.kill()
    server.wait()

end()

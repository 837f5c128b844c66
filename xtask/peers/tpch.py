"""Runs TPC-H queries over the tables that polder wrote, warm, and prints `system query milliseconds`.

usage: tpch.py PEER DATA QUERIES NUMBERS; DATA holds a folder of Parquet files for each table
"""
import pathlib
import statistics
import sys
import time

peer, data, folder, numbers = sys.argv[1:5]
tables = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"]
queries = {n: (pathlib.Path(folder) / f"q{n}.sql").read_text() for n in numbers.split(",")}

if peer == "duckdb":
    import duckdb

    connection = duckdb.connect()
    for table in tables:
        connection.sql(f"create view {table} as select * from '{data}/{table}_v1/*.parquet'")
    run = lambda sql: connection.sql(sql).fetchall()
elif peer == "polars":
    import polars as pl

    context = pl.SQLContext({table: pl.scan_parquet(f"{data}/{table}_v1/*.parquet") for table in tables})
    run = lambda sql: context.execute(sql).collect(engine="streaming")
elif peer == "daft":
    import daft

    frames = {table: daft.read_parquet(f"{data}/{table}_v1/*.parquet") for table in tables}
    run = lambda sql: daft.sql(sql, **frames).collect()
else:
    sys.exit(f"no peer {peer}")

for number, sql in queries.items():
    try:
        run(sql)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            run(sql)
            times.append((time.perf_counter() - start) * 1e3)
        print(peer, number, f"{statistics.median(times):.1f}")
    except Exception as error:  # a peer whose SQL lacks something has no figure for that query
        print(f"{peer} Q{number}: {str(error)[:200]}", file=sys.stderr)

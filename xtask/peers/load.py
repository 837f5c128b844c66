"""Loads one NDJSON file into a new Delta table, as one whole process: load.py duckdb|polars|sail FILE TABLE"""
import sys

peer, file, table = sys.argv[1:4]

if peer == "duckdb":
    import duckdb
    from deltalake import write_deltalake

    connection = duckdb.connect()
    relation = connection.sql(
        f"select * from read_json('{file}', format='newline_delimited', columns={{"
        "transactionId:'BIGINT', customerId:'BIGINT', placedAt:'TIMESTAMPTZ', channel:'VARCHAR', market:'VARCHAR',"
        "stake:'DOUBLE', odds:'DOUBLE', eventId:'BIGINT', currency:'VARCHAR', settled:'BOOLEAN'})"
    )
    write_deltalake(table, relation.fetch_record_batch(100_000))
elif peer == "polars":
    import polars as pl

    schema = {
        "transactionId": pl.Int64, "customerId": pl.Int64, "placedAt": pl.String, "channel": pl.String,
        "market": pl.String, "stake": pl.Float64, "odds": pl.Float64, "eventId": pl.Int64, "currency": pl.String,
        "settled": pl.Boolean,
    }
    frame = pl.scan_ndjson(file, schema=schema).with_columns(
        pl.col("placedAt").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    )
    frame.collect(engine="streaming").write_delta(table)
elif peer == "sail":
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer()
    server.start()
    _, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://localhost:{port}").getOrCreate()
    schema = (
        "transactionId bigint, customerId bigint, placedAt timestamp, channel string, market string,"
        "stake double, odds double, eventId bigint, currency string, settled boolean"
    )
    spark.read.schema(schema).json(file).write.format("delta").mode("overwrite").save(table)
    spark.stop()
    server.stop()
else:
    sys.exit(f"no peer {peer}")

"""200 commits of 1,000 rows on one Delta table with Sail; prints commits per second and how the cost grew: commits.py TABLE"""
import sys
import time

from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

table = sys.argv[1]
server = SparkConnectServer()
server.start()
_, port = server.listening_address
spark = SparkSession.builder.remote(f"sc://localhost:{port}").getOrCreate()
times = []
for commit in range(201):
    start = time.perf_counter()
    spark.range(commit * 1000, commit * 1000 + 1000).write.format("delta").mode("append").save(table)
    times.append(time.perf_counter() - start)
times = times[1:]
first, last = sorted(times[:20])[10], sorted(times[-20:])[10]
print(f"{len(times) / sum(times):.0f} commits/s, median of the first 20 {first * 1e3:.1f} ms, of the last 20 {last * 1e3:.1f} ms")
spark.stop()
server.stop()

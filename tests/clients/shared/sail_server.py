"""Sail's own server with one catalog, which is named polder, and Spark's client of it."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager


@contextmanager
def sail(catalog):
    """A session of a server that is told of the catalog in Sail's own words."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SAIL_CATALOG__LIST": f"[{{{catalog}}}]", "SAIL_CATALOG__DEFAULT_CATALOG": '"polder"'}
    program = os.path.join(os.path.dirname(sys.executable), "sail")
    server = subprocess.Popen([program, "spark", "server", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        from pyspark.sql import SparkSession

        session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
        yield session
        # While the server is there: at its exit Python would look for it for minutes.
        session.stop()
    finally:
        server.kill()
        server.wait()

"""Rows by key from DuckDB over HTTP, as one would write it: lookup.py make FILE DATABASE, then lookup.py serve DATABASE PORT

Two workers, one for each core, each with the database open for reading, a primary key on the column and the statement prepared.
"""
import os
import sys

import duckdb

DATABASE = "POLDER_LOOKUP_DATABASE"
QUERY = "select * from transactions where transactionId = ?"


def make(file, database):
    connection = duckdb.connect(database)
    connection.execute(
        "create table transactions (transactionId bigint primary key, customerId bigint, placedAt timestamp, channel varchar,"
        " market varchar, stake double, odds double, eventId bigint, currency varchar, settled boolean)"
    )
    connection.execute(
        f"insert into transactions select * from read_json('{file}', format='newline_delimited', columns={{"
        "transactionId:'BIGINT', customerId:'BIGINT', placedAt:'TIMESTAMP', channel:'VARCHAR', market:'VARCHAR',"
        "stake:'DOUBLE', odds:'DOUBLE', eventId:'BIGINT', currency:'VARCHAR', settled:'BOOLEAN'})"
    )
    connection.close()


def application():
    from fastapi import FastAPI, Response

    app = FastAPI()
    connection = duckdb.connect(os.environ[DATABASE], read_only=True)
    # One thread answers a point query; more only wait for one another.
    connection.execute("set threads = 1")

    @app.get("/transactions/{key}")
    async def transaction(key: int):
        # Without a hop to a thread: a look-up is shorter than the hop.
        found = connection.execute(QUERY, [key])
        names = [column[0] for column in found.description]
        rows = found.fetchall()
        return [dict(zip(names, row)) for row in rows] if rows else Response(status_code=404)

    return app


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3])
    else:
        import uvicorn

        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        os.environ[DATABASE] = sys.argv[2]
        uvicorn.run(
            "lookup:application", factory=True, host="127.0.0.1", port=int(sys.argv[3]), workers=2, log_level="error",
            access_log=False,
        )

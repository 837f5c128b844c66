"""Clients of PostgreSQL: psycopg 3 and 2, asyncpg, SQLAlchemy, ADBC, psql, and pgjdbc where there is a Java.

POLDER_POSTGRES       where the server takes clients of PostgreSQL: host:port
POLDER_MEMBER_TOKEN   a token of someone who sees POLDER_MASKED masked
POLDER_PII_TOKEN      a token of someone who sees it in clear
POLDER_OWNER_TOKEN    a token of the service principal that loads POLDER_OWNED
POLDER_OUTSIDER_TOKEN a token of someone who may know of nothing
POLDER_MAKER_TOKEN    a token of someone who may make tables in POLDER_TABLE's schema
"""

import asyncio
import datetime
import decimal
import glob
import io
import os
import shutil
import subprocess
import sys
import tempfile

# This folder has scripts with the names of the packages that they import.
HERE = sys.path[0]
sys.path[0] = os.path.join(HERE, "shared")

import adbc_driver_postgresql.dbapi as adbc
import asyncpg
import psycopg
import psycopg2
import sqlalchemy
from catalog_checks import *

HOST, PORT = os.environ["POLDER_POSTGRES"].rsplit(":", 1)
OWNED = os.environ["POLDER_OWNED"]
MASKED_SCHEMA, MASKED_NAME = MASKED.rsplit(".", 1)
PEOPLE = {kind: os.environ[f"POLDER_{kind.upper()}_TOKEN"] for kind in ("member", "pii", "owner", "outsider", "maker")}
MASKED_ROWS = f"select customer_id, full_name from {MASKED} order by customer_id"


def place(kind):
    return {"host": HOST, "port": int(PORT), "user": "token", "password": PEOPLE[kind]}


def url(kind, driver="postgresql"):
    return f"{driver}://token:{PEOPLE[kind]}@{HOST}:{PORT}/dev"


async def asyncpg_rows(kind, sql, *values):
    connection = await asyncpg.connect(**place(kind), database="dev")
    try:
        return [tuple(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


def psycopg_rows(kind, sql, values=None, **options):
    with psycopg.connect(**place(kind), dbname="dev") as connection:
        return connection.cursor(**options).execute(sql, values).fetchall()


def psycopg2_rows(kind, sql, values=None):
    connection = psycopg2.connect(**place(kind), dbname="dev")
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()
    finally:
        connection.close()


def sqlalchemy_rows(kind, sql):
    engine = sqlalchemy.create_engine(url(kind, "postgresql+psycopg"))
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sqlalchemy.text(sql))]


def adbc_rows(kind, sql):
    with adbc.connect(url(kind)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def psql(kind, *commands):
    environment = dict(os.environ, PGPASSWORD=PEOPLE[kind])
    arguments = [part for command in commands for part in ("-c", command)]
    ran = subprocess.run(
        ["psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", HOST, "-p", PORT, "-U", "token", "-d", "dev", *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return ran.stdout.splitlines()


def psql_rows(kind, sql):
    return [(int(line.split("|")[0]), line.split("|")[1]) for line in psql(kind, sql)]


CLIENTS = {
    "psycopg": psycopg_rows,
    "psycopg2": psycopg2_rows,
    "asyncpg": lambda kind, sql: asyncio.run(asyncpg_rows(kind, sql)),
    "SQLAlchemy": sqlalchemy_rows,
    "ADBC": adbc_rows,
    "psql": psql_rows,
}

for name, rows in CLIENTS.items():

    @check(f"{name}: masked for a member, in clear for who may see it, and not there for an outsider")
    def _():
        masked, clear = rows("member", MASKED_ROWS), rows("pii", MASKED_ROWS)
        assert [row[0] for row in masked] == [row[0] for row in clear] and len(clear) > 0
        assert all(one[1] != other[1] for one, other in zip(masked, clear)), (masked[:2], clear[:2])
        refused(lambda: rows("outsider", MASKED_ROWS), "there is no table")
        assert len(rows("owner", f"select 1, 'x' from {OWNED} limit 1")) == 1


@check("psycopg: values, binary rows, named cursors, COPY, transactions")
def _():
    sql = f"select customer_id from {MASKED} where customer_id = %s"
    for _ in range(7):
        assert psycopg_rows("pii", sql, (1,)) == [(1,)] == psycopg_rows("pii", sql, (1,), binary=True)
    with psycopg.connect(**place("pii"), dbname="dev") as connection:
        with connection.cursor("by name") as cursor:
            cursor.itersize = 2
            cursor.execute(MASKED_ROWS)
            assert len(list(cursor)) == len(psycopg_rows("pii", MASKED_ROWS))
        with connection.cursor().copy(f"copy ({MASKED_ROWS}) to stdout (format csv)") as copy:
            assert b"".join(copy).count(b"\n") == len(psycopg_rows("pii", MASKED_ROWS))
        try:
            connection.execute("select * from finance.bronze.nothing_v1")
        except psycopg.errors.UndefinedTable:
            pass
        try:
            connection.execute("select 1")
            raise AssertionError("a failed transaction goes on")
        except psycopg.errors.InFailedSqlTransaction:
            connection.rollback()
        with connection.transaction(), connection.transaction():
            assert connection.execute("select 1").fetchone() == (1,)


@check("psycopg, psycopg2, asyncpg, SQLAlchemy: rows are changed, each statement for itself")
def _():
    table = f"{CATALOG}.{SCHEMA}.made_by_psycopg"
    there = {"host": HOST, "port": int(PORT), "user": "token", "password": MAKER, "dbname": "dev"}
    with psycopg.connect(**there, autocommit=True) as connection:
        assert connection.execute(f"create table {table} (id bigint, name string, day date)").statusmessage == "CREATE TABLE"
        try:
            done = connection.execute(f"insert into {table} values (%s, %s, %s)", (1, "it's", "2026-02-03"))
            assert (done.rowcount, done.statusmessage) == (1, "INSERT 0 1"), (done.rowcount, done.statusmessage)
            connection.cursor().executemany(f"insert into {table} (id, name) values (%s, %s)", [(2, "b"), (3, "c")])
            assert connection.execute(f"update {table} set name = upper(name) where id > %s", (1,)).rowcount == 2
            other = psycopg2.connect(**there)
            other.autocommit = True
            with other.cursor() as cursor:
                cursor.execute(f"delete from {table} where id = %s", (3,))
                assert cursor.rowcount == 1
            other.close()

            async def more():
                opened = await asyncpg.connect(**{k: v for k, v in there.items() if k != "dbname"}, database="dev")
                try:
                    return await opened.execute(f"insert into {table} (id, name) values ($1, $2)", 4, "d")
                finally:
                    await opened.close()

            assert asyncio.run(more()) == "INSERT 0 1"
            engine = sqlalchemy.create_engine(url("maker", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
            with engine.connect() as opened:
                statement = sqlalchemy.text(f"update {table} set day = :day where id = :id")
                assert opened.execute(statement, {"day": "2026-01-01", "id": 4}).rowcount == 1
            found = connection.execute(f"select id, name, day::text from {table} order by id").fetchall()
            assert found == [(1, "it's", "2026-02-03"), (2, "B", None), (4, "d", "2026-01-01")], found
            with psycopg.connect(**{**there, "autocommit": False}) as other:
                refused(lambda: other.execute(f"delete from {table}"), "transaction block")
            refused(lambda: psycopg_rows("member", f"delete from {table}"), "may not", "no table", "transaction block")
        finally:
            connection.execute(f"drop table {table}")


@check("psycopg, psycopg2, asyncpg, psql: rows are copied in, all of them or none")
def _():
    table = f"{CATALOG}.{SCHEMA}.copied_in"
    there = {"host": HOST, "port": int(PORT), "user": "token", "password": MAKER, "dbname": "dev"}
    with psycopg.connect(**there, autocommit=True) as connection:
        connection.execute(f"create table {table} (id bigint, name string, day date, price decimal(10,2), good boolean)")
        try:
            day = datetime.date(2026, 2, 3)
            with connection.cursor().copy(f"copy {table} from stdin") as copy:
                copy.write_row((1, "it's\t\\N\n", day, decimal.Decimal("1.50"), True))
                copy.write_row((2, None, None, None, None))
            with connection.cursor().copy(f"copy {table} (id, name) from stdin (format binary)") as copy:
                copy.set_types(["int8", "text"])
                copy.write_row((3, 'a "quoted" é'))
            other = psycopg2.connect(**there)
            other.autocommit = True
            with other.cursor() as cursor:
                cursor.copy_expert(f"copy {table} (name, id) from stdin csv header", io.StringIO("id,name\n4,\"x,\ny\"\n"))
                assert cursor.rowcount == 1
            other.close()

            async def records():
                opened = await asyncpg.connect(**{k: v for k, v in there.items() if k != "dbname"}, database="dev")
                try:
                    rows = [(5, "e", day, decimal.Decimal("-7.25"), False), (6, None, None, None, None)]
                    return await opened.copy_records_to_table(
                        "copied_in", schema_name=f"{CATALOG}.{SCHEMA}", records=rows, columns=["id", "name", "day", "price", "good"]
                    )
                finally:
                    await opened.close()

            assert asyncio.run(records()) == "COPY 2"
            with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
                file.write("7,g,2026-02-04,0.10,t\n")
                file.flush()
                assert psql("maker", f'\\copy "{CATALOG}.{SCHEMA}".copied_in from \'{file.name}\' csv') == ["COPY 1"]
            found = connection.execute(f"select id, name, day, price, good from {table} order by id").fetchall()
            assert found == [
                (1, "it's\t\\N\n", day, decimal.Decimal("1.50"), True),
                (2, None, None, None, None),
                (3, 'a "quoted" é', None, None, None),
                (4, "x,\ny", None, None, None),
                (5, "e", day, decimal.Decimal("-7.25"), False),
                (6, None, None, None, None),
                (7, "g", datetime.date(2026, 2, 4), decimal.Decimal("0.10"), True),
            ], found

            def bad():
                with connection.cursor().copy(f"copy {table} from stdin csv") as copy:
                    copy.write("8,h,,,\nnine,i,,,\n")

            refused(bad, "line 2: column id")

            def given_up():
                with connection.cursor().copy(f"copy {table} from stdin csv") as copy:
                    copy.write("8,h,,,\n")
                    raise RuntimeError("enough")

            refused(given_up, "enough")
            assert connection.execute(f"select count(*) from {table}").fetchone() == (7,)

            def member():
                with psycopg.connect(**place("member"), dbname="dev", autocommit=True) as opened:
                    with opened.cursor().copy(f"copy {table} from stdin") as copy:
                        copy.write_row((9, "m", None, None, None))

            refused(member, "may not", "no table")
        finally:
            connection.execute(f"drop table {table}")


@check("psycopg2: named cursors, COPY")
def _():
    connection = psycopg2.connect(**place("member"), dbname="dev")
    with connection.cursor("named") as cursor:
        cursor.execute(MASKED_ROWS)
        assert len(cursor.fetchmany(1) + cursor.fetchall()) == len(psycopg_rows("member", MASKED_ROWS))
    text = io.StringIO()
    connection.cursor().copy_expert(f"copy {MASKED} to stdout csv header", text)
    assert text.getvalue().startswith("customer_id")
    connection.close()


@check("asyncpg: values, cursors, a pool that resets its sessions")
def _():
    async def all_of_it():
        assert await asyncpg_rows("pii", f"select customer_id from {MASKED} where customer_id = $1", 1) == [(1,)]
        async with asyncpg.create_pool(**place("member"), database="dev", min_size=1, max_size=2) as pool:
            for _ in range(3):
                async with pool.acquire() as connection, connection.transaction():
                    assert len([row async for row in connection.cursor(MASKED_ROWS, prefetch=2)]) > 0

    asyncio.run(all_of_it())


@check("SQLAlchemy: reflects tables, columns and their comments")
def _():
    engine = sqlalchemy.create_engine(url("member", "postgresql+psycopg"))
    inspector = sqlalchemy.inspect(engine)
    assert MASKED_SCHEMA in inspector.get_schema_names()
    assert MASKED_NAME in inspector.get_table_names(schema=MASKED_SCHEMA)
    table = sqlalchemy.Table(MASKED_NAME, sqlalchemy.MetaData(), schema=MASKED_SCHEMA, autoload_with=engine)
    with engine.connect() as connection:
        assert len(connection.execute(sqlalchemy.select(table.c.customer_id)).all()) > 0
    outsider = sqlalchemy.inspect(sqlalchemy.create_engine(url("outsider", "postgresql+psycopg")))
    assert MASKED_SCHEMA not in outsider.get_schema_names()


@check("ADBC: Arrow by COPY")
def _():
    with adbc.connect(url("member")) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from {MASKED}")
        assert cursor.fetch_arrow_table().num_rows == len(psycopg_rows("member", MASKED_ROWS))


@check("psql: \\d and its like")
def _():
    assert any(MASKED_NAME in line for line in psql("member", "\\dt"))
    assert any(line.startswith("customer_id|") for line in psql("member", f'\\d "{MASKED_SCHEMA}".{MASKED_NAME}'))
    for command in ("\\l", "\\dn", "\\du", "\\df", "\\dv"):
        psql("member", command)
    assert not any(MASKED_NAME in line for line in psql("outsider", "\\dt"))


JARS = glob.glob("/usr/share/java/postgresql.jar")
if shutil.which("java") and JARS:

    @check("pgjdbc: rows, values, fetch size, DatabaseMetaData, masks")
    def _():
        program = os.path.join(HERE, "postgres", "Metadata.java")
        for kind in ("member", "pii", "outsider"):
            jdbc = f"jdbc:postgresql://{HOST}:{PORT}/dev"
            command = ["java", "-cp", JARS[0], program, jdbc, PEOPLE[kind], MASKED_SCHEMA, MASKED_NAME]
            ran = subprocess.run(command, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr[-400:]
            expected = [] if kind == "outsider" else [f"{row[0]} {row[1]}" for row in psycopg_rows(kind, MASKED_ROWS)]
            assert ran.stdout.splitlines() == expected, (kind, ran.stdout[:300])

else:
    print("SKIPPED pgjdbc: there is no Java, or no /usr/share/java/postgresql.jar (libpostgresql-jdbc-java)", flush=True)

end()

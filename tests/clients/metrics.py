"""A metric view, by psycopg, ADBC's driver for Arrow Flight SQL, httpx and curl: the same number by every door.

POLDER_POSTGRES       where the server takes clients of PostgreSQL: host:port
"""

import datetime
import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import adbc_driver_flightsql.dbapi as flight_sql
import psycopg
from adbc_driver_flightsql import DatabaseOptions
from catalog_checks import *
from four_people import PEOPLE
from http_clients import HTTP_CLIENTS

HOST, PORT = os.environ["POLDER_POSTGRES"].rsplit(":", 1)
ACTIVITY = "sales.gold.activity_v1"
FIRST, SECOND = datetime.date(2026, 3, 1), datetime.date(2026, 3, 2)


def by_psycopg(kind, sql):
    there = {"host": HOST, "port": int(PORT), "user": "token", "password": PEOPLE[kind], "dbname": "dev"}
    with psycopg.connect(**there, autocommit=True) as connection:
        return connection.execute(sql).fetchall()


def by_adbc(kind, sql):
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {PEOPLE[kind]}"}
    there = flight_sql.connect(URL.replace("http://", "grpc+tcp://"), db_kwargs=options, autocommit=True)
    with there as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


for name, rows in {"psycopg": by_psycopg, "ADBC": by_adbc}.items():

    @check(f"{name}: a measure is of what is grouped by, for whoever may read; an outsider finds nothing")
    def _():
        by_day = f"select day, measure(sign_ins) as n from {ACTIVITY} group by day order by day"
        for kind in ("owner", "pii", "member"):
            assert rows(kind, by_day) == [(FIRST, 2), (SECOND, 1)], (kind, rows(kind, by_day))
            assert rows(kind, f"select sign_ins from {ACTIVITY}") == [(3,)], kind
            assert rows(kind, f"select day from {ACTIVITY} where sign_ins > 1") == [(FIRST,)], kind
        refused(lambda: rows("outsider", by_day), "there is no table", "not found")

    @check(f"{name}: a measure of personal data has no value for whoever lacks the level")
    def _():
        people = f"select people, per_person from {ACTIVITY}"
        assert rows("owner", people) == rows("pii", people) == [(2, 1.5)]
        assert rows("member", people) == [(None, None)]

    @check(f"{name}: a tool that knows of no measures reads a table; what would be wrong is refused")
    def _():
        assert rows("member", f"select * from {ACTIVITY} order by day") == [(FIRST, 2, None, None), (SECOND, 1, None, None)]
        refused(lambda: rows("owner", f"select sum(sign_ins) from {ACTIVITY}"), "an aggregate already")
        refused(lambda: rows("owner", f"select email from {ACTIVITY}"), "email")


for name, send in HTTP_CLIENTS.items():

    @check(f"{name}: the same numbers as JSON, of the columns that are asked for")
    def _():
        def asked(kind, query):
            return send("GET", f"{URL}/data/sales/activity/v1?{query}", PEOPLE[kind])

        for kind in ("owner", "pii", "member"):
            by_day = asked(kind, "columns=day,sign_ins&sort=-day").needs(200).json
            assert by_day == [{"day": "2026-03-02", "sign_ins": 1}, {"day": "2026-03-01", "sign_ins": 2}], by_day
            assert asked(kind, "columns=sign_ins").needs(200).json == [{"sign_ins": 3}]
            assert asked(kind, "columns=day&filter[sign_ins][gt]=1").needs(200).json == [{"day": "2026-03-01"}]
        assert asked("pii", "columns=people").needs(200).json == [{"people": 2}]
        assert asked("member", "columns=people").needs(200).json == [{"people": None}]
        asked("outsider", "columns=sign_ins").needs(404)


end()

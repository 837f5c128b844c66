"""Rows by key from hot storage, by httpx and curl: who gets which, in which form, and how fresh they are.

POLDER_ADMIN_TOKEN    a token that may not query
"""

import io
import os
import sys
import time
from threading import Thread

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import pyarrow.ipc
from catalog_checks import *
from four_people import PEOPLE
from http_clients import HTTP_CLIENTS, by_httpx
from program import in_mesh

SUBSCRIBERS, SIGN_INS = f"{URL}/data/sales/subscribers/v1", f"{URL}/data/sales/sign_ins/v1"
ENVIRONMENT = f"{URL}/api/v1/environments/dev"
ADA = "ada.lovelace@example.com"


def look_up(send, kind, dataset, keys, headers=(), **more):
    return send("POST", f"{dataset}/lookup", PEOPLE[kind], headers, {"keys": keys, **more})


def by_number(send, kind, *numbers, headers=(), **more):
    return look_up(send, kind, SUBSCRIBERS, [{"subscriber_id": number} for number in numbers], headers, **more)


def origin(answer):
    """Where the rows of an answer came from, and the version of the table that they are of."""
    return answer.headers["polder-answered-from"], int(answer.headers["polder-table-version"])


def held():
    page = by_httpx("GET", f"{ENVIRONMENT}/hot", PEOPLE["owner"]).needs(200).json
    return {item["dataset"]: item for item in page["items"]}


def until(said, fact):
    """Waits for a fact that takes a moment."""
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline, f"in 30 s it was never so that {said}"
        time.sleep(0.05)


@check("the server tells the domain's owner, and nobody else, what it holds")
def _():
    until("both are ready", lambda: all(item["state"] == "ready" for item in held().values()))
    assert {name: item["rows"] for name, item in held().items()} == {"sales/subscribers/v1": 4, "sales/sign_ins/v1": 3}
    for kind in ("member", "pii", "outsider"):
        assert by_httpx("GET", f"{ENVIRONMENT}/hot", PEOPLE[kind]).needs(200).json == {"items": []}, kind


for name, send in HTTP_CLIENTS.items():

    @check(f"{name}: each gets the rows that they may see, from memory")
    def _():
        grace = {"subscriber_id": 2, "full_name": "Grace Hopper", "country": "US", "credit": 0.0}
        ada = {"subscriber_id": 1, "full_name": "Ada Lovelace", "country": "NL", "credit": 10.5}
        for kind, expected in [
            ("owner", [[grace], [ada], []]),
            ("pii", [[grace], [ada], []]),
            ("member", [[], [{**ada, "full_name": "A*********ce"}], []]),
        ]:
            answer = by_number(send, kind, 2, 1, 9).needs(200)
            assert [result["rows"] for result in answer.json["results"]] == expected, (kind, answer.json)
            assert [result["key"]["subscriber_id"] for result in answer.json["results"]] == [2, 1, 9]
            assert answer.json["missing"] == [place for place, rows in enumerate(expected) if not rows], (kind, answer.json)
            assert origin(answer) == ("hot", 1), (kind, origin(answer))
        absent = SUBSCRIBERS.replace("subscribers", "absent")
        unknown = look_up(send, "outsider", absent, [{"subscriber_id": 1}]).needs(404).json
        hidden = by_number(send, "outsider", 1).needs(404).json
        assert hidden["detail"].replace("subscribers", "absent") == unknown["detail"], (hidden, unknown)

    @check(f"{name}: a key may have several rows, and one that is masked is compared with its mask")
    def _():
        for kind in ("owner", "pii"):
            answer = look_up(send, kind, SIGN_INS, [{"email": ADA}]).needs(200)
            assert [row["email"] for row in answer.json["results"][0]["rows"]] == [ADA, ADA], (kind, answer.json)
            assert origin(answer) == ("hot", 1), (kind, origin(answer))
        assert look_up(send, "member", SIGN_INS, [{"email": ADA}]).needs(200).json["missing"] == [0]
        emails = {row["email"] for row in send("GET", SIGN_INS, PEOPLE["member"]).needs(200).json}
        assert len(emails) == 2 and not any("@" in email for email in emails), emails
        answer = look_up(send, "member", SIGN_INS, [{"email": email} for email in sorted(emails)]).needs(200)
        assert sorted(len(result["rows"]) for result in answer.json["results"]) == [1, 2], answer.json
        assert origin(answer) == ("lake", 1), origin(answer)

    @check(f"{name}: some columns, and the rows alone as NDJSON, CSV and Arrow")
    def _():
        def rows_as(form):
            answer = by_number(send, "member", 9, 1, headers={"accept": form}, columns=["full_name", "subscriber_id"]).needs(200)
            assert answer.headers["polder-missing-keys"] == "0", answer.headers
            return answer

        assert rows_as("application/x-ndjson").json == {"full_name": "A*********ce", "subscriber_id": 1}
        assert rows_as("text/csv").text == "full_name,subscriber_id\nA*********ce,1\n"
        arrow = pyarrow.ipc.open_stream(io.BytesIO(rows_as("application/vnd.apache.arrow.stream").content)).read_all()
        assert arrow.to_pylist() == [{"full_name": "A*********ce", "subscriber_id": 1}], arrow

    @check(f"{name}: a filter by the key is answered from memory too, and not again while nothing changes")
    def _():
        address = f"{SUBSCRIBERS}?filter[subscriber_id]=1&columns=full_name"
        for kind, expected in [("owner", "Ada Lovelace"), ("pii", "Ada Lovelace"), ("member", "A*********ce")]:
            answer = send("GET", address, PEOPLE[kind]).needs(200)
            assert answer.json == [{"full_name": expected}] and origin(answer) == ("hot", 1), (kind, answer.json)
            send("GET", address, PEOPLE[kind], {"if-none-match": answer.headers["etag"]}).needs(304)
        lake = send("GET", address.replace("subscriber_id]", "subscriber_id][lte]"), PEOPLE["member"]).needs(200)
        assert lake.json == [{"full_name": "A*********ce"}] and origin(lake) == ("lake", 1), lake.json
        send("GET", address, PEOPLE["outsider"]).needs(404)

    @check(f"{name}: is told what is wrong with what it asks, and of which key")
    def _():
        by_number(send, "owner", 1, "one").needs(400, "keys[1]", "bigint", "subscriber_id")
        by_number(send, "owner", None).needs(400, "keys[0]", "missing value")
        look_up(send, "owner", SUBSCRIBERS, [{"number": 1}]).needs(400, "keys[0]", "number")
        by_number(send, "owner", 1, columns=["password"]).needs(400, "password")
        by_number(send, "owner", *range(1001)).needs(400, "1000")
        orders = f"{URL}/data/finance/orders/v1"
        look_up(send, "member", orders, [{"order_id": 1000}]).needs(400, "hotStorage")
        for token, status in [("", 401), ("polder_pat_0000000000000000_" + "0" * 64, 401), (os.environ["POLDER_ADMIN_TOKEN"], 403)]:
            send("POST", f"{SUBSCRIBERS}/lookup", token, (), {"keys": [{"subscriber_id": 1}]}).needs(status)


@check("a row that the server writes is found at once")
def _():
    sql = "insert into sales.bronze.subscribers_v1 values (5, 'Leslie Lamport', 'NL', 3.00)"
    by_httpx("POST", f"{ENVIRONMENT}/query", PEOPLE["owner"], (), {"sql": sql}).needs(200)
    answer = by_number(by_httpx, "member", 5).needs(200)
    assert [row["full_name"] for row in answer.json["results"][0]["rows"]] == ["L***********rt"], answer.json
    assert origin(answer)[1] == 2, origin(answer)
    until("memory has caught up", lambda: origin(by_number(by_httpx, "member", 5)) == ("hot", 2))


@check("a row that another process writes is found in a moment, and no answer is of two versions")
def _():
    with open(os.path.join(os.environ["POLDER_MESH"], "landing/subscribers-2.csv"), "w") as file:
        file.write("subscriber_id,full_name,country,credit\n6,Radia Perlman,NL,4.00\n")
    writer = Thread(target=in_mesh, args=("run", "sales/load_subscribers"))
    writer.start()

    def caught_up():
        answer = by_number(by_httpx, "owner", 6).needs(200)
        where, version = origin(answer)
        assert version == answer.json["version"] and (answer.json["missing"] == []) == (version == 3), answer.json
        return (where, version) == ("hot", 3)

    until("the new version is answered from memory", caught_up)
    writer.join()
    assert held()["sales/subscribers/v1"]["rows"] == 6, held()


end()

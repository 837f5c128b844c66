"""Files of volumes by httpx and curl, on a local disk and on S3: who may do what, parts, signed addresses, large files as streams.

POLDER_S3             where the S3 is that one of the volumes is on
"""

import hashlib
import os
import sys
import tempfile
import time

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import httpx
from catalog_checks import *
from four_people import PEOPLE
from http_clients import HTTP_CLIENTS, by_httpx, curl

VOLUMES = f"{URL}/api/v1/environments/dev/volumes"
STORES = {"a local disk": f"{VOLUMES}/sales.bronze.inbox_v1", "S3": f"{VOLUMES}/sales.bronze.archive_v1"}
MEBIBYTE = 1 << 20


def listed(volume, folder=""):
    page = by_httpx("GET", f"{volume}/files?prefix={folder}", PEOPLE["owner"]).needs(200).json
    return [(item["path"], item["kind"], item.get("size")) for item in page["items"]]


def address(send, volume, kind, path, method, **more):
    asked = {"path": path, "method": method, "seconds": 60, **more}
    made = send("POST", f"{volume}/addresses", PEOPLE[kind], (), asked).needs(201).json
    assert made["method"] == method, made
    return made


for name, send in HTTP_CLIENTS.items():
    for store, volume in STORES.items():
        files, other = f"{volume}/files", [kind for kind in HTTP_CLIENTS if kind != name][0]

        @check(f"{name}, {store}: writes, lists, reads whole and in parts, replaces, deletes")
        def _():
            written = send("PUT", f"{files}/in/a%20b.csv", PEOPLE["owner"], content=b"0123456789").needs(200)
            assert (written.json["path"], written.json["kind"], written.json["size"]) == ("in/a b.csv", "file", 10), written.json
            assert listed(volume) == [("in", "folder", None)] and listed(volume, "in/") == [("in/a b.csv", "file", 10)], listed(volume)
            whole = send("GET", f"{files}/in/a%20b.csv", PEOPLE["owner"]).needs(200)
            assert whole.content == b"0123456789" and whole.headers["etag"] == written.headers["etag"]
            # A browser runs nothing of what somebody put there.
            assert whole.headers["content-type"] == "application/octet-stream"
            assert whole.headers["content-disposition"].startswith("attachment"), whole.headers
            head = send("HEAD", f"{files}/in/a%20b.csv", PEOPLE["owner"]).needs(200)
            assert (head.headers["content-length"], head.content) == ("10", b""), head.headers
            for part, expected in [("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-3", b"789")]:
                answer = send("GET", f"{files}/in/a%20b.csv", PEOPLE["owner"], {"range": part}).needs(206)
                assert answer.content == expected, (part, answer.content)
            assert answer.headers["content-range"] == "bytes 7-9/10", answer.headers
            send("GET", f"{files}/in/a%20b.csv", PEOPLE["owner"], {"range": "bytes=10-"}).needs(416)
            send("GET", f"{files}/in/a%20b.csv", PEOPLE["owner"], {"if-none-match": whole.headers["etag"]}).needs(304)
            send("PUT", f"{files}/in/a%20b.csv", PEOPLE["owner"], {"if-none-match": "*"}, content=b"new").needs(412)
            send("PUT", f"{files}/in/a%20b.csv", PEOPLE["owner"], content=b"other").needs(200)
            stale = {"range": "bytes=0-2", "if-range": whole.headers["etag"]}
            assert send("GET", f"{files}/in/a%20b.csv", PEOPLE["owner"], stale).needs(200).content == b"other"
            send("DELETE", f"{files}/in/a%20b.csv", PEOPLE["owner"]).needs(204)
            send("GET", f"{files}/in/a%20b.csv", PEOPLE["owner"]).needs(404)
            assert listed(volume) == [], listed(volume)

        @check(f"{name}, {store}: each may do what the volume lets them, and the hidden is as the absent")
        def _():
            send("PUT", f"{files}/kept.txt", PEOPLE["owner"], content=b"kept").needs(200)
            for kind, read, written in [("owner", 200, 200), ("member", 200, 403), ("pii", 200, 403), ("outsider", 404, 404)]:
                token = PEOPLE[kind]
                for method in ("GET", "HEAD"):
                    send(method, f"{files}/kept.txt", token).needs(read)
                send("GET", files, token).needs(read)
                send("PUT", f"{files}/made.txt", token, content=b"made").needs(written)
                send("DELETE", f"{files}/made.txt", token).needs(204 if written == 200 else written)
                for method, allowed in [("read", read), ("write", written)]:
                    asked = {"path": "kept.txt", "method": method}
                    send("POST", f"{volume}/addresses", token, (), asked).needs(201 if allowed == 200 else allowed)
            absent = files.replace("inbox", "absent").replace("archive", "absent")
            hidden, unknown = (send("GET", where, PEOPLE["outsider"]).needs(404).json["detail"] for where in (files, absent))
            assert hidden.replace("inbox", "absent").replace("archive", "absent") == unknown, (hidden, unknown)
            send("GET", f"{files}/kept.txt").needs(401)
            send("PUT", f"{files}/made.txt", TOKEN, content=b"made").needs(403, "scope")
            for path in ("%2e%2e/out.txt", "_polder/x", "a%5Cb", "a//b"):
                send("PUT", f"{files}/{path}", PEOPLE["owner"], content=b"x").needs(400)
            assert listed(volume) == [("kept.txt", "file", 4)], listed(volume)
            send("DELETE", f"{files}/kept.txt", PEOPLE["owner"]).needs(204)

        @check(f"{name}, {store}: a signed address is good for one file and one method, until its time is over")
        def _():
            write = address(send, volume, "owner", "in/signed.txt", "write")
            assert HTTP_CLIENTS[other]("PUT", write["url"], content=b"0123456789").status in (200, 204)
            read = address(send, volume, "member", "in/signed.txt", "read")
            assert read["direct"] is False and read["url"].startswith(URL), read
            assert send("GET", read["url"]).needs(200).content == b"0123456789"
            assert send("GET", read["url"], headers={"range": "bytes=2-4"}).needs(206).content == b"234"
            send("HEAD", read["url"]).needs(200)
            send("PUT", write["url"], headers={"if-none-match": "*"}, content=b"new").needs(412)
            send("PUT", read["url"], content=b"new").needs(403)
            send("GET", write["url"]).needs(403)
            send("DELETE", write["url"]).needs(405)
            send("GET", read["url"][:-1]).needs(404)
            brief = address(send, volume, "member", "in/signed.txt", "read", seconds=1)
            time.sleep(2)
            send("GET", brief["url"]).needs(403)
            for wrong in ({"seconds": 3601}, {"seconds": 0}, {"method": "delete"}, {"path": "../out.txt"}):
                asked = {"path": "in/signed.txt", "method": "read", **wrong}
                send("POST", f"{volume}/addresses", PEOPLE["owner"], (), asked).needs(400)

        @check(f"{name}, {store}: a direct address is the store's own, where the store signs any")
        def _():
            made = address(send, volume, "member", "in/signed.txt", "read", direct=True)
            assert made["direct"] == (store == "S3"), made
            assert made["url"].startswith(os.environ["POLDER_S3"] if store == "S3" else URL), made
            assert send("GET", made["url"]).needs(200).content == b"0123456789"
            send("DELETE", f"{files}/in/signed.txt", PEOPLE["owner"]).needs(204)


def blocks(mebibytes):
    """A large file in parts, none like another."""
    for number in range(mebibytes):
        yield hashlib.sha256(str(number).encode()).digest() * (MEBIBYTE // 32)


def digest(parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()


# What the S3 of tests takes, it keeps in its memory.
for store, mebibytes in [("a local disk", 128), ("S3", 48)]:
    files = f"{STORES[store]}/files"
    owner, member = ({"authorization": f"Bearer {PEOPLE[kind]}"} for kind in ("owner", "member"))
    sent = digest(blocks(mebibytes))

    @check(f"httpx, {store}: streams {mebibytes} MiB of a length that it does not tell, and back")
    def _():
        client = httpx.Client(trust_env=False, timeout=120)
        client.put(f"{files}/large.bin", headers=owner, content=blocks(mebibytes)).raise_for_status()
        assert listed(STORES[store]) == [("large.bin", "file", mebibytes * MEBIBYTE)], listed(STORES[store])
        with client.stream("GET", f"{files}/large.bin", headers=member) as answer:
            assert answer.headers["content-length"] == str(mebibytes * MEBIBYTE), answer.headers
            assert digest(answer.iter_bytes()) == sent
        last = {"range": f"bytes={(mebibytes - 1) * MEBIBYTE}-"}
        assert client.get(f"{files}/large.bin", headers={**member, **last}).content == list(blocks(mebibytes))[-1]

    @check(f"httpx, {store}: what breaks off leaves the file that was there")
    def _():
        def broken():
            yield from blocks(mebibytes // 2)
            raise OSError("the sender has gone")

        refused(lambda: httpx.put(f"{files}/large.bin", headers=owner, content=broken(), trust_env=False), "has gone")
        refused(lambda: httpx.put(f"{files}/new.bin", headers=owner, content=broken(), trust_env=False), "has gone")
        assert listed(STORES[store]) == [("large.bin", "file", mebibytes * MEBIBYTE)], listed(STORES[store])

    @check(f"curl, {store}: -T sends {mebibytes} MiB to a signed address, -C goes on where a download broke off")
    def _():
        with tempfile.TemporaryDirectory(prefix="polder-large-") as folder:
            source, copy = os.path.join(folder, "source"), os.path.join(folder, "copy")
            with open(source, "wb") as file:
                file.writelines(blocks(mebibytes))
            write = address(by_httpx, STORES[store], "owner", "large.bin", "write")["url"]
            curl("--fail", "--upload-file", source, write)
            read = address(by_httpx, STORES[store], "pii", "large.bin", "read")["url"]
            with open(copy, "wb") as file:
                file.writelines(blocks(mebibytes // 3))
            curl("--fail", "--continue-at", "-", "--output", copy, read)
            with open(copy, "rb") as file:
                assert digest(iter(lambda: file.read(MEBIBYTE), b"")) == sent
        by_httpx("DELETE", f"{files}/large.bin", PEOPLE["owner"]).needs(204)
        assert listed(STORES[store]) == [], listed(STORES[store])


end()

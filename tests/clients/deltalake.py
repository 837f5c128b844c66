"""deltalake's `uc://`: opens and reads a table by its name, with credentials that the catalog vends.

The table has to be on S3 or an emulator of it: on a local disk `uc://` does not list a log in order. The emulator's address comes
with the credentials.
"""

import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

from attempts import in_attempts

# Opening by `uc://` may wait for itself for ever before it asks the store for anything (delta-rs, pull request 3113, tells of that),
# on two cores more often than not.
in_attempts(seconds=6, times=40)

import json
import urllib.request

from deltalake import DeltaTable, write_deltalake
from catalog_checks import *

REGION = os.environ.get("POLDER_REGION", "us-east-1")
OWNER = os.environ.get("POLDER_OWNER_TOKEN", "")


def options(token):
    return {
        "unity_workspace_url": URL,
        "unity_access_token": token,
        "unity_allow_http_url": "true",
        "aws_allow_http": "true",
        "aws_region": REGION,
    }


def vended(token, table, operation):
    """What the catalog answers, for checks of the credential itself."""

    def ask(path, body=None):
        request = urllib.request.Request(UNITY + path, data=body and json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    found = ask(f"/tables/{table}")
    return ask("/temporary-table-credentials", {"table_id": found["table_id"], "operation": operation})


@check("opens and reads a table by its name")
def _():
    table = DeltaTable(f"uc://{TABLE}", storage_options=options(TOKEN))
    assert table.to_pyarrow_table().num_rows == ROWS


@check("is vended a session with an end, a token and the store's address")
def _():
    answer = vended(TOKEN, TABLE, "READ")
    keys = answer["aws_temp_credentials"]
    assert keys["access_key_id"] and keys["secret_access_key"] and keys["session_token"] and keys["access_point"]
    assert answer["expiration_time"] and answer["url"].startswith("s3://")


@check("is handed no files of a masked table")
def _():
    refused(lambda: DeltaTable(f"uc://{MASKED}", storage_options=options(TOKEN)), "mask", "permission", "credential")
    refused(lambda: vended(TOKEN, MASKED, "READ"), "403")


@check("is told of what is absent")
def _():
    refused(lambda: DeltaTable(f"uc://{CATALOG}.{SCHEMA}.absent", storage_options=options(TOKEN)), "not", "absent")


@check("may not write where it may only read")
def _():
    refused(lambda: vended(TOKEN, TABLE, "READ_WRITE"), "403")


if OWNER:

    @check("appends to a table that it may write")
    def _():
        table = DeltaTable(f"uc://{TABLE}", storage_options=options(OWNER))
        before = table.to_pyarrow_table()
        write_deltalake(table, before.slice(0, 1), mode="append")
        again = DeltaTable(f"uc://{TABLE}", storage_options=options(OWNER))
        assert again.to_pyarrow_table().num_rows == ROWS + 1
        again.restore(again.version() - 1)
        last = DeltaTable(f"uc://{TABLE}", storage_options=options(OWNER))
        assert last.to_pyarrow_table().num_rows == ROWS


end()

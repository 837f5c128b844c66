"""What the scripts of catalog clients share: facts from the environment, and one line for each check.

POLDER_URL           the server, without a slash at its end
POLDER_TOKEN         a token of someone who may read POLDER_TABLE whole, and POLDER_MASKED only masked
POLDER_MAKER_TOKEN   a token of someone who may make catalogs, and schemas and tables in POLDER_TABLE's catalog
POLDER_TABLE         a table: catalog.schema.table
POLDER_ROWS          how many rows it has
POLDER_GROUP         a group that the first token's owner is in
POLDER_MASKED        a table with columns that are masked for the first token's owner
"""

import os
import sys
import traceback

URL = os.environ["POLDER_URL"].rstrip("/")
TOKEN = os.environ["POLDER_TOKEN"]
MAKER = os.environ.get("POLDER_MAKER_TOKEN", "")
TABLE = os.environ["POLDER_TABLE"]
ROWS = int(os.environ["POLDER_ROWS"])
GROUP = os.environ.get("POLDER_GROUP", "")
MASKED = os.environ.get("POLDER_MASKED", "")
CATALOG, SCHEMA, NAME = TABLE.split(".")
UNITY = URL + "/api/2.1/unity-catalog"

_failed = []


def check(fact):
    """Runs a function as one check, which holds unless it raises."""

    def run(function):
        try:
            function()
            print(f"ok    {fact}", flush=True)
        except BaseException as error:  # some clients panic with exceptions of their own base
            if isinstance(error, KeyboardInterrupt):
                raise
            _failed.append(fact)
            print(f"FAIL  {fact}: {type(error).__name__}: {str(error)[:400]}", flush=True)
            if os.environ.get("POLDER_TRACE"):
                traceback.print_exc()
        return function

    return run


def refused(function, *words):
    """The function must fail, with one of the words in what it says."""
    try:
        function()
    except BaseException as error:
        said = f"{type(error).__name__} {error}".lower()
        assert any(word.lower() in said for word in words), f"refused in other words: {error}"
        return
    raise AssertionError("it was not refused")


def end():
    if os.environ.get("POLDER_ATTEMPT"):
        # A client that now and then never comes back may also abort when Python takes itself down, with all checks behind it.
        os._exit(1 if _failed else 0)
    sys.exit(1 if _failed else 0)

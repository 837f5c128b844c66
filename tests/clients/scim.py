#!/usr/bin/env python3
"""Runs `scim2 test`, the conformance checks of scim2-cli, against a server.

    scim.py URL TOKEN        or POLDER_URL and POLDER_SCIM_TOKEN in the environment

URL is the server's, without /scim/v2. TOKEN is a token for SCIM, or one of an account admin. The server should have no users that
matter: the checks make some and remove them. Prints one line for each check. Exits with 0 when all hold.

It runs the scim2 beside the Python that runs it. Where there is none, scim2-cli is installed into a virtual environment of its own,
in target/clients, at the version below.
"""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

SCIM2_CLI = "scim2-cli==0.6.0"
# As many as the schemas of our server lead to: fewer would mean that discovery broke and the rest was left out.
LEAST_CHECKS = 130

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).resolve().parents[2] / "target"))


def scim2() -> Path:
    """The installed program."""
    beside = Path(sys.executable).with_name("scim2")
    if beside.exists():
        return beside
    home = TARGET / "clients" / "scim"
    program = home / "bin" / "scim2"
    stamp = home / "installed"
    if not (program.exists() and stamp.exists() and stamp.read_text() == SCIM2_CLI):
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", SCIM2_CLI], check=True)
        stamp.write_text(SCIM2_CLI)
    return program


def main() -> int:
    url, token = (sys.argv[1:3] + [None, None])[:2]
    url = url or os.environ.get("POLDER_URL")
    token = token or os.environ.get("POLDER_SCIM_TOKEN")
    if not url or not token:
        print(__doc__, file=sys.stderr)
        return 2
    # Not as an argument, which others on the machine can see.
    environment = {**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {token}", "NO_COLOR": "1", "COLUMNS": "200"}
    command = [scim2(), "--url", url.rstrip("/") + "/scim/v2", "test"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    # A line for each check, and its reason on the next.
    outcomes = re.findall(r"^([A-Z]+) (\w+)\n  (.*)$", done.stdout, re.MULTILINE)
    failed = [outcome for outcome in outcomes if outcome[0] != "SUCCESS"]
    passed = len(outcomes) - len(failed)
    for status, check, reason in outcomes:
        print(f"ok    {check}" if status == "SUCCESS" else f"FAIL  {check}: {status}: {reason}")
    if done.returncode != 0 or failed or passed < LEAST_CHECKS:
        print(done.stdout[-4000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

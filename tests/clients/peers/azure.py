"""An Azure Blob Storage for tests: Azurite, as it comes, on a loopback port of its own, its files in a folder that goes with it.

The first argument is Azurite's program, the others are containers to make, each with the account that it is in (`account/container`) where
that is not the one that every Azurite has. All accounts have the same key.

Says `{"azure": URL}` on a line of its own when it listens. On the line `kill` it kills Azurite where it stands, on `start` it starts it
again where it was; either is answered by `{"done": ...}`. Ends when its stdin does, or on any other line.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from email.utils import formatdate

# The account and key that every Azurite has: learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2023-11-03"


def start():
    command = ["node", sys.argv[1], "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder.name]
    # It knows fewer versions of the protocol than clients are of.
    command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    accounts = {"AZURITE_ACCOUNTS": ";".join(f"{account}:{KEY}" for account in {ACCOUNT, *(account for account, _ in containers)})}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": sys.stderr}
    process = subprocess.Popen(command, env=os.environ | accounts, **pipes)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("Azurite does not start")
            time.sleep(0.05)


def make(account, container):
    now = formatdate(usegmt=True)
    headers = f"x-ms-date:{now}\nx-ms-version:{VERSION}\n"
    resource = f"/{account}/{account}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + headers + resource
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    request = urllib.request.Request(f"{url}/{account}/{container}?restype=container", method="PUT", data=b"")
    # What the library adds to a request with a body is signed, too.
    request.headers = {
        "x-ms-date": now,
        "x-ms-version": VERSION,
        "Content-type": "",
        "Authorization": f"SharedKey {account}:{signature}",
    }
    direct.open(request, timeout=30).close()


def free_port():
    """A port that no system gives to a connection of its own accord, so that nobody has it while Azurite is dead."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10_000, 16_000)))
                return probe.getsockname()[1]
            except OSError:
                continue


containers = [tuple(name.rsplit("/", 1)) if "/" in name else (ACCOUNT, name) for name in sys.argv[2:]]
port = free_port()
url = f"http://127.0.0.1:{port}"
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
folder = tempfile.TemporaryDirectory(prefix="polder-azurite-", ignore_cleanup_errors=True)
azurite = start()
try:
    for account, name in containers:
        make(account, name)
    print(json.dumps({"azure": url}), flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            azurite.send_signal(signal.SIGKILL)
            azurite.wait()
        elif line.strip() == "start":
            azurite = start()
        else:
            break
        print(json.dumps({"done": line.strip()}), flush=True)
finally:
    azurite.kill()
    azurite.wait()
    folder.cleanup()

"""Schemathesis over our API as its OpenAPI document describes it: as nobody, as an ordinary member, and as an admin.

POLDER_URL            the server, without a slash at its end
POLDER_MEMBER_TOKEN   a token with every scope, of somebody without an admin role
POLDER_ADMIN_TOKEN    a token of an account admin

A line for each route and caller: no answer is a fault of the server, and each has a status, type and form that the document tells of;
what is wrong is refused, and so is who bears no credentials. Requests are the same at each run.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

URL = os.environ["POLDER_URL"].rstrip("/")
DOCUMENT = URL + "/api/v1/openapi.json"
PROGRAM = Path(sys.executable).with_name("schemathesis")
CALLERS = {
    "nobody": (None, 4),
    "member": (os.environ["POLDER_MEMBER_TOKEN"], 12),
    "admin": (os.environ["POLDER_ADMIN_TOKEN"], 12),
}
# Asked apart from all others: what has seen a list of tokens may revoke its own or another caller's, who is nobody from there on.
TOKEN = "/api/v1/tokens/{id}"


def run(token, folder, *arguments):
    """Failures by route, and how many requests there were."""
    report = Path(folder, "report.json")
    config = Path(__file__).with_name("schemathesis.toml")
    command = [PROGRAM, "--config-file", config, "--no-color", "run", DOCUMENT, "--seed", "1", "--continue-on-failure"]
    command += ["--generation-database", "none", "--warnings", "off"]
    command += ["--report", "json", "--report-json-path", report, *arguments]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if not report.exists():
        raise SystemExit(f"FAIL  schemathesis runs\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    told = json.loads(report.read_text())
    if done.returncode != 0:
        print(done.stdout[-60000:], file=sys.stderr)
    failures = {}
    for failure in told["failures"]:
        for route in failure["operations"]:
            failures.setdefault(route, []).append(failure["title"])
    for error in told["errors"]:
        failures.setdefault("schemathesis runs", []).append(json.dumps(error)[:500])
    if done.returncode != 0 and not failures:
        failures["schemathesis runs"] = [f"it ended with {done.returncode}"]
    return failures, told["test_cases"]["generated"]


with urllib.request.urlopen(DOCUMENT) as answer:
    paths = json.load(answer)["paths"]
routes = [f"{method.upper()} {path}" for path, item in paths.items() for method in item]
assert len(routes) >= 36, f"the document tells of only {len(routes)} routes"


def everything(token, examples):
    """Failures by route of all that a caller asks, and how many requests there were."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            run(token, folder, "--phases", "coverage,fuzzing", "--max-examples", str(examples), "--exclude-path", TOKEN),
            run(token, folder, "--phases", "coverage,fuzzing", "--max-examples", str(examples), "--include-path", TOKEN),
            run(token, folder, "--phases", "stateful", "--max-examples", str(examples), "--exclude-path", TOKEN),
        ]
    failures = {}
    for found, _ in runs:
        for route, titles in found.items():
            failures.setdefault(route, []).extend(titles)
    return failures, sum(requests for _, requests in runs)


failed = False
with ThreadPoolExecutor() as pool:
    told = {caller: pool.submit(everything, *how) for caller, how in CALLERS.items()}
for caller, future in told.items():
    failures, requests = future.result()
    print(f"# {caller}: {requests} requests")
    for route in (failures if failures.keys() - set(routes) else routes):
        titles = ", ".join(sorted(set(failures.get(route, []))))
        print(f"FAIL  {caller}: {route}: {titles}" if titles else f"ok    {caller}: {route}", flush=True)
    failed = failed or bool(failures)
sys.exit(1 if failed else 0)

"""httpx and curl behind one function each: what is sent is a request, what comes back an `Answer`."""

import json
import os
import subprocess
import tempfile

import httpx

_httpx = httpx.Client(trust_env=False, timeout=60)


class Answer:
    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, headers, content

    @property
    def text(self):
        return self.content.decode()

    @property
    def json(self):
        return json.loads(self.content)

    def needs(self, status, *words):
        """This answer, which must have this status and say these words."""
        assert self.status == status, f"{self.status} instead of {status}: {self.text[:300]}"
        assert all(word in self.text for word in words), f"{words} are not all in {self.text[:300]}"
        return self


def _prepared(token, headers, value):
    headers = dict(headers)
    if token:
        headers["authorization"] = f"Bearer {token}"
    if value is not None:
        headers["content-type"] = "application/json"
    return headers


def by_httpx(method, url, token=None, headers=(), value=None, content=None):
    """Sends a request with a token, headers and a JSON value or bytes as its body."""
    headers = _prepared(token, headers, value)
    body = content if value is None else json.dumps(value).encode()
    answer = _httpx.request(method, url, headers=headers, content=body)
    return Answer(answer.status_code, answer.headers, answer.content)


def curl(*arguments):
    """Runs curl, which must come to an answer, and returns what it says on stdout."""
    command = ["curl", "--silent", "--show-error", "--globoff", "--noproxy", "*", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"curl ended with {done.returncode}: {done.stderr}"
    return done.stdout


def by_curl(method, url, token=None, headers=(), value=None, content=None):
    """Sends a request with a token, headers and a JSON value or bytes as its body."""
    arguments = ["--head"] if method == "HEAD" else ["--request", method]
    for name, text in _prepared(token, headers, value).items():
        arguments += ["--header", f"{name}: {text}"]
    with tempfile.TemporaryDirectory(prefix="polder-curl-") as folder:
        sent, head, body = (os.path.join(folder, name) for name in ("sent", "head", "body"))
        if content is not None or value is not None:
            with open(sent, "wb") as file:
                file.write(content if value is None else json.dumps(value).encode())
            arguments += ["--upload-file", sent] if method == "PUT" else ["--data-binary", f"@{sent}"]
        status = curl(*arguments, "--dump-header", head, "--output", body, "--write-out", "%{http_code}", url)
        # An answer of 100 Continue has a head of its own before that of the answer.
        lines = open(head).read().strip().split("\n\n")[-1].splitlines()[1:]
        headers = httpx.Headers([line.split(": ", 1) for line in lines if ": " in line])
        content = open(body, "rb").read() if os.path.exists(body) and method != "HEAD" else b""
    return Answer(int(status), headers, content)


HTTP_CLIENTS = {"httpx": by_httpx, "curl": by_curl}

"""People at a browser and programs with a token, over HTTP and with nothing but Python's own library.

POLDER_URL           the server, without a slash at its end
"""

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from html import unescape

URL = os.environ["POLDER_URL"].rstrip("/")


class Stays(urllib.request.HTTPRedirectHandler):
    """Redirects are answers like others."""

    def redirect_request(self, *_):
        return None


# Whatever proxy is set is not for addresses of this machine.
opener = urllib.request.build_opener(Stays, urllib.request.ProxyHandler({}))


class Answer:
    def __init__(self, url, raw):
        self.url, self.status, self.headers = url, raw.status, raw.headers
        self.text = raw.read().decode()

    @property
    def json(self):
        return json.loads(self.text) if self.text else None

    def needs(self, *statuses):
        """This answer, which must have one of these statuses."""
        assert self.status in statuses, f"{self.status} instead of {statuses} from {self.url}: {self.text[:500]}"
        return self


def send(method, url, headers=(), body=None):
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers))
    try:
        with opener.open(request, timeout=60) as raw:
            return Answer(url, raw)
    except urllib.error.HTTPError as raw:
        return Answer(url, raw)


class Caller:
    """Somebody who asks the server, with a token or, without one, with what a browser holds."""

    def __init__(self, token=None):
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.cookies = {}

    def ask(self, method, path, value=None, kind="application/json", **headers):
        headers = {**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        body = None
        if value is not None:
            headers["Content-Type"], body = kind, json.dumps(value).encode()
        return self.go(method, URL + path, headers, body)

    def go(self, method, url, headers=(), body=None):
        """Sends a request with the cookies of the server that it is for, and keeps those that it sets."""
        jar = self.cookies.setdefault(urllib.parse.urlsplit(url).netloc, {})
        headers = dict(headers)
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        answer = send(method, url, headers, body)
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            if value and "Max-Age=0" not in cookie and "1970" not in cookie:
                jar[name] = value
            else:
                jar.pop(name, None)
        return answer

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, value, **headers):
        return self.ask("POST", path, value, **headers)

    def sign_in(self, who):
        """Signs in as a person does: to the issuer, through its forms, and back. The answer is the server's, with the session."""
        answer = self.go("GET", URL + "/auth/login")
        for _ in range(12):
            where = answer.headers.get("Location")
            if where:
                url = urllib.parse.urljoin(answer.url, where)
                if not url.startswith(URL) or "/auth/callback" in url:
                    answer = self.go("GET", url)
                    continue
                self.prove()
                return answer
            if answer.url.startswith(URL):
                return answer
            action, form = filled_in(answer.text, who)
            form = urllib.parse.urlencode(form).encode()
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = self.go("POST", urllib.parse.urljoin(answer.url, action), kind, form)
        raise AssertionError("the issuer sends the browser around in circles")

    def prove(self):
        """What a page of the server sends with every change."""
        token = self.get("/api/v1/me").needs(200).json["csrf_token"]
        self.headers = {"Origin": URL, "X-CSRF-Token": token}


def filled_in(page, who):
    """The form of a page: where it goes, its hidden fields, and who signs in."""
    form = re.search(r"<form.*?</form>", page, re.DOTALL).group()
    said = {"login": who, "password": "anything"}
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in attributes:
            fields[attributes["name"]] = said.get(attributes["name"], unescape(attributes.get("value", "")))
    return unescape(re.search(r'action="([^"]*)"', form).group(1)), fields

"""A day in the life of a platform, over HTTP alone: people arrive by SCIM, sign in at an issuer (oidc-provider), are refused, ask for
access, are approved, see masked and then clear rows, and leave. A webhook, a mail server (aiosmtpd) and a ticket system hear of it,
and the audit tells the story.

POLDER_URL           the server, without a slash at its end
POLDER_SCIM_TOKEN    a token for SCIM
POLDER_SINK          where webhooks and mails arrived: tests/clients/peers/sink.py
HOOK_SECRET          what webhooks are signed with
TICKET_TOKEN         what the ticket system asks for
POLDER_PROGRAM       the polder program
POLDER_MESH          the folder of the mesh that is served
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from datetime import datetime, timedelta, timezone

sys.path[0] = os.path.join(sys.path[0], "shared")

from people import Caller, send
from program import in_mesh

ENVIRONMENT = "/api/v1/environments/dev"
REQUESTS = ENVIRONMENT + "/access-requests"
CUSTOMER = "finance.bronze.customer_v1"
IN_CLEAR = [{"full_name": "Ada Lovelace", "email": "ada.lovelace@example.com"}]


def step(fact):
    """Runs a function as one step of the day. One that fails ends it, as the next ones build upon it."""

    def run(function):
        try:
            function()
        except Exception as error:
            print(f"FAIL  {fact}: {type(error).__name__}: {error}", flush=True)
            sys.exit(1)
        print(f"ok    {fact}", flush=True)

    return run


def rows(who):
    sql = f"select full_name, email from {CUSTOMER} where customer_id = 1"
    return who.post(ENVIRONMENT + "/query", {"sql": sql})


scim = Caller(os.environ["POLDER_SCIM_TOKEN"])
ana, olga, pia = Caller(), Caller(), Caller()
ids = {}
day = {}


@step("people and groups arrive by SCIM")
def _():
    for name, given in [("ana", "Ana"), ("olga", "Olga"), ("pia", "Pia")]:
        user = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": f"{name}@contoso.com",
            "externalId": f"00u-{name}",
            "name": {"givenName": given, "familyName": "Contoso"},
            "emails": [{"value": f"{name}@contoso.com", "type": "work", "primary": True}],
            "active": True,
        }
        ids[name] = scim.ask("POST", "/scim/v2/Users", user, "application/scim+json").needs(201).json["id"]
    for group, member in [("finance_owners", "olga"), ("privacy_office", "pia"), ("analysts", "ana")]:
        group = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": group,
            "members": [{"value": ids[member]}],
        }
        scim.ask("POST", "/scim/v2/Groups", group, "application/scim+json").needs(201)


@step("nobody gets in without signing in, and whoever SCIM did not bring does not get in at all")
def _():
    Caller().get("/api/v1/me").needs(401)
    stranger = Caller()
    assert stranger.sign_in("mallory").needs(403).json["code"] == "unknown_principal"
    stranger.get("/api/v1/me").needs(401)


@step("an analyst signs in at the issuer, an owner and a privacy officer too")
def _():
    for person, name in [(ana, "ana"), (olga, "olga"), (pia, "pia")]:
        person.sign_in(name).needs(303)
        me = person.get("/api/v1/me").needs(200).json
        assert me["name"] == f"{name}@contoso.com" and me["roles"] == [], me
        assert me["authenticated_by"].startswith("session") or me["authenticated_by"].startswith("oidc"), me


@step("the analyst makes a token for her notebook")
def _():
    made = ana.post("/api/v1/tokens", {"label": "notebook", "scopes": ["read", "query"]}).needs(201).json
    day["notebook"] = Caller(made["token"])
    assert day["notebook"].get("/api/v1/me").needs(200).json["name"] == "ana@contoso.com"


@step("the analyst may not read customers")
def _():
    for who in (ana, day["notebook"]):
        assert rows(who).needs(403).json["code"] == "denied"


@step("the analyst finds the dataset, and sees that she may not read it yet")
def _():
    objects = ana.get(ENVIRONMENT + "/objects").needs(200).json["items"]
    assert CUSTOMER in [found["name"] for found in objects], objects
    described = ana.get(f"{ENVIRONMENT}/objects/{CUSTOMER}").needs(200).json
    assert "full_name" in [column["name"] for column in described["columns"]], described


@step("the analyst asks for 30 days at the regular level, once however often it is sent")
def _():
    until = (datetime.now(timezone.utc) + timedelta(days=30)).isoformat()
    wish = {"dataset": "finance/customer/v1", "level": "regular", "purpose": "churn model", "until": until}
    first = ana.post(REQUESTS, wish, Idempotency_Key="the-first-wish").needs(201).json
    again = ana.post(REQUESTS, wish, Idempotency_Key="the-first-wish").needs(201).json
    assert first["id"] == again["id"] and first["state"] == "requested", (first, again)
    day["regular"] = f"{REQUESTS}/{first['id']}"


@step("the analyst cannot approve her own request, and the privacy officer has no say in it")
def _():
    ana.post(day["regular"] + "/approve", {}).needs(403)
    pia.post(day["regular"] + "/approve", {}).needs(403, 404)
    rows(ana).needs(403)


@step("the owner finds the request and approves it")
def _():
    waiting = olga.get(REQUESTS + "?to_decide=true").needs(200).json["items"]
    assert [day["regular"].endswith(found["id"]) for found in waiting] == [True], waiting
    approved = olga.post(day["regular"] + "/approve", {"comment": "as we agreed"}).needs(200).json
    assert approved["state"] == "provisioned", approved
    until = datetime.fromisoformat(approved["until"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert timedelta(days=29, hours=23) < until <= timedelta(days=30), until


@step("the analyst queries, with personal data masked")
def _():
    for who in (ana, day["notebook"]):
        seen = rows(who).needs(200).json
        assert seen[0]["full_name"] == "A*********ce", seen
        assert "ada" not in seen[0]["email"] and "@" not in seen[0]["email"], seen


@step("the analyst asks for personal data, and the owner alone is not enough")
def _():
    wish = {"dataset": "finance/customer/v1", "level": "pii", "purpose": "letters to customers"}
    made = ana.post(REQUESTS, wish).needs(201).json
    day["pii"] = f"{REQUESTS}/{made['id']}"
    assert olga.post(day["pii"] + "/approve", {}).needs(200).json["state"] == "requested"
    olga.post(day["pii"] + "/approve", {}).needs(403, 409)
    assert rows(ana).needs(200).json != IN_CLEAR


@step("with data protection's approval the analyst queries in clear")
def _():
    assert pia.post(day["pii"] + "/approve", {"comment": "for letters"}).needs(200).json["state"] == "provisioned"
    for who in (ana, day["notebook"]):
        assert rows(who).needs(200).json == IN_CLEAR


@step("switched off by SCIM, the analyst is out within a second: session, token and sign-on")
def _():
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": "False"}],
    }
    started = time.monotonic()
    scim.ask("PATCH", f"/scim/v2/Users/{ids['ana']}", patch, "application/scim+json").needs(200)
    for who in (ana, day["notebook"]):
        rows(who).needs(401)
        who.get("/api/v1/me").needs(401)
    took = time.monotonic() - started
    assert took < 1, f"{took} s"
    assert Caller().sign_in("ana").needs(403).json["code"] == "unknown_principal"


@step("switched on again, her session and token stay dead")
def _():
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": True}],
    }
    scim.ask("PATCH", f"/scim/v2/Users/{ids['ana']}", patch, "application/scim+json").needs(200)
    for who in (ana, day["notebook"]):
        who.get("/api/v1/me").needs(401)


@step("the owner ends the access to personal data before its time")
def _():
    assert olga.post(day["pii"] + "/revoke", {"comment": "the letters are sent"}).needs(200).json["state"] == "revoked"
    again = Caller()
    again.sign_in("ana").needs(303)
    assert rows(again).needs(200).json[0]["full_name"] == "A*********ce"


EVENTS = {
    "regular": ["requested", "approved", "provisioned"],
    "pii": ["requested", "approved_in_part", "approved", "provisioned", "revoked"],
}


def arrived():
    return send("GET", os.environ["POLDER_SINK"]).needs(200).json


def hooks(calls):
    """The events of each request, in the order in which the webhook heard of them; a delivery that came twice counts once."""
    heard, seen = {}, set()
    for call in calls:
        if call["path"] == "/hook" and call["headers"]["polder-delivery"] not in seen:
            seen.add(call["headers"]["polder-delivery"])
            body = json.loads(base64.b64decode(call["body"]))
            heard.setdefault(body["request"]["id"], []).append(body["event"].rsplit(".", 1)[-1])
    return heard


@step("the webhook heard of every change, in order, and every call is signed")
def _():
    expected = {day[level].rsplit("/", 1)[-1]: events for level, events in EVENTS.items()}
    deadline = time.monotonic() + 90
    while hooks(arrived()["calls"]) != expected:
        assert time.monotonic() < deadline, f"{hooks(arrived()['calls'])} instead of {expected}"
        time.sleep(0.2)
    for call in arrived()["calls"]:
        if call["path"] == "/hook":
            sent, body = call["headers"], base64.b64decode(call["body"])
            signed = sent["polder-timestamp"].encode() + b"." + body
            signature = "v1=" + hmac.new(os.environ["HOOK_SECRET"].encode(), signed, hashlib.sha256).hexdigest()
            assert hmac.compare_digest(sent["polder-signature"], signature), sent
            assert abs(time.time() - int(sent["polder-timestamp"])) < 300, sent
            assert b"Lovelace" not in body and b"polder_" not in body


@step("the ticket system has a ticket for each request, and the one that ended is closed")
def _():
    def tickets():
        return [call["path"] for call in arrived()["calls"] if call["path"].startswith("/rest/api/3/issue")]

    deadline = time.monotonic() + 60
    while not any(path.endswith("/transitions") for path in tickets()):
        assert time.monotonic() < deadline, tickets()
        time.sleep(0.2)
    assert tickets().count("/rest/api/3/issue") == 2, tickets()
    token = f"Bearer {os.environ['TICKET_TOKEN']}"
    assert all(call["headers"]["authorization"] == token for call in arrived()["calls"] if call["path"] != "/hook")


@step("mails went to who has to decide and to who asked, and to nobody else")
def _():
    def mails():
        return [(mail["to"][0], mail["text"]) for mail in arrived()["mails"]]

    deadline = time.monotonic() + 60
    people = {f"{name}@contoso.com" for name in ("ana", "olga", "pia")}
    while {to for to, _ in mails()} != people:
        assert time.monotonic() < deadline, mails()
        time.sleep(0.2)
    assert all("customer" in text and "polder@contoso.com" in text for _, text in mails()), mails()


# The approval is told of once what it gave is given.
STORY = [
    ("scim", "create user", True),
    ("scim", "create group", True),
    ("ana", "SIGN_ON", True),
    ("ana", "CREATE_TOKEN", True),
    ("ana", "read", False),
    ("ana", "list", True),
    ("ana", "request access to", True),
    ("ana", "approve access to", False),
    ("pia", "approve access to", False),
    ("ana", "read", False),
    ("olga", "approve access to", True),
    ("polder", "give access to", True),
    ("ana", "read", True),
    ("ana", "request access to", True),
    ("olga", "approve access to", True),
    ("olga", "approve access to", False),
    ("ana", "read", True),
    ("pia", "approve access to", True),
    ("polder", "give access to", True),
    ("ana", "read", True),
    ("scim", "change user", True),
    ("olga", "revoke access to", True),
    ("ana", "SIGN_ON", True),
    ("ana", "read", True),
]


@step("the audit holds")
def _():
    assert "as they were written" in in_mesh("audit", "verify")


@step("the audit tells the whole story, with who, from where, and no secret")
def _():
    text = in_mesh("audit", "export", "--form", "ndjson")
    records = [json.loads(line) for line in text.splitlines()]
    by_ana = [record for record in records if record["principal"] == "ana@contoso.com"]
    told = [(record["principal"].split("@")[0], record["action"], record["allowed"]) for record in records]
    # Chapters of the story are in this order, whatever else happened in between.
    rest = iter(told)
    missing = [chapter for chapter in STORY if chapter not in rest]
    assert not missing, f"{missing[0]} is not told where it belongs, in {told}"
    assert all(record["source"] for record in by_ana), by_ana
    assert "polder_pat_" not in text and "Lovelace" not in text

"""delta-sharing: lists, loads in both forms, versions, limits, changes, deletion vectors, OAuth, as recipients of two levels."""

import json
import os
import sys
import tempfile
import urllib.error
import urllib.request

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import delta_sharing
from catalog_checks import *
from program import admin, in_mesh

MESH = os.environ["POLDER_MESH"]
temporary = tempfile.TemporaryDirectory(prefix="polder-profiles-")
folder = temporary.name


def profile(recipient, *options):
    path = os.path.join(folder, recipient + "".join(options) + ".share")
    admin("share", "profile", recipient, "--out", path, *options)
    return path


partner, clinic, remote = profile("partner"), profile("clinic"), profile("remote")


def load(table, profile=partner, **options):
    return delta_sharing.load_as_pandas(f"{profile}#partners.{table}", **options)


ORDERS, CUSTOMER, RATES, PAYMENTS = "finance.orders_v1", "finance.customer_v1", "finance.rates_v1", "treasury.payments_v1"


@check("lists shares, schemas and tables")
def _():
    client = delta_sharing.SharingClient(partner)
    (share,) = client.list_shares()
    assert share.name == "partners"
    assert sorted(schema.name for schema in client.list_schemas(share)) == ["finance", "treasury"]
    tables = sorted(f"{table.schema}.{table.name}" for table in client.list_all_tables())
    assert tables == sorted([ORDERS, CUSTOMER, RATES, PAYMENTS])


@check("loads a table whole, in both forms")
def _():
    for form in (False, True, None):
        orders = load(ORDERS, use_delta_format=form)
        assert len(orders) == ROWS, (form, len(orders))
        assert sorted(orders["country"].unique()) == ["GB", "NL", "US"]


@check("loads from S3, by addresses that the store signs")
def _():
    assert len(load(PAYMENTS)) == 18 and len(load(PAYMENTS, use_delta_format=True)) == 18


@check("stops at a limit, and reads an older version")
def _():
    assert len(load(ORDERS, limit=3)) == 3
    version = delta_sharing.get_table_version(f"{partner}#partners.{ORDERS}")
    assert version >= 1
    assert len(load(ORDERS, version=0)) == 0 and len(load(ORDERS, version=version)) == ROWS
    refused(lambda: load(ORDERS, version=99), "no version", "400")


@check("sees personal data masked, and who may see them in clear")
def _():
    masked, clear = load(CUSTOMER), load(CUSTOMER, clinic)
    assert len(masked) == len(clear) == 10
    assert "Ada Lovelace" in set(clear["full_name"]) and not set(masked["full_name"]) & set(clear["full_name"])
    assert not set(masked["email"]) & set(clear["email"])
    assert sorted(masked["country"]) == sorted(clear["country"])
    assert len(load(CUSTOMER, use_delta_format=True)) == 10


@check("is told what changed")
def _():
    with open(os.path.join(MESH, "landing/rates-2.csv"), "w") as file:
        file.write("currency,rate\nUSD,1.2\nJPY,160.0\n")
    in_mesh("run", "finance/load_rates")
    changes = delta_sharing.load_table_changes_as_pandas(f"{partner}#partners.{RATES}", starting_version=0)
    kinds = sorted(changes[changes["_commit_version"] == 2]["_change_type"])
    assert kinds == ["insert", "update_postimage", "update_preimage"], kinds
    assert sorted(load(RATES)["currency"]) == ["GBP", "JPY", "USD"]
    in_delta = delta_sharing.load_table_changes_as_pandas(
        f"{partner}#partners.{RATES}", starting_version=1, use_delta_format=True
    )
    assert len(in_delta) == len(changes), (len(in_delta), len(changes))
    refused(
        lambda: delta_sharing.load_table_changes_as_pandas(f"{partner}#partners.{ORDERS}", starting_version=0),
        "change data feed",
        "400",
    )


@check("trades an id and a secret for tokens (OAuth)")
def _():
    oauth = profile("partner", "--oauth")
    assert json.load(open(oauth))["type"] == "oauth_client_credentials"
    assert len(load(ORDERS, oauth)) == ROWS


@check("is let in nowhere else, and others are not let in here")
def _():
    token = json.load(open(partner))["bearerToken"]
    for path in ("/api/v1/environments", "/api/2.1/unity-catalog/catalogs"):
        request = urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {token}"})
        refused(lambda: urllib.request.urlopen(request), "403")
    refused(lambda: delta_sharing.SharingClient(remote).list_all_tables() or 1 / 0, "403", "division")
    refused(lambda: load(ORDERS, remote), "not offered to this address", "403")
    stolen = os.path.join(folder, "stolen.share")
    with open(stolen, "w") as file:
        json.dump({**json.load(open(partner)), "bearerToken": TOKEN}, file)
    refused(lambda: load(ORDERS, stolen), "403", "404", "scope", "no share")


@check("ends with its profile")
def _():
    admin("share", "profile", "clinic", "--overlap-hours", "0")
    refused(lambda: load(CUSTOMER, clinic), "401", "credentials")


end()

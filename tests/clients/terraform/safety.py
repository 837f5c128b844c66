"""What a provider would take and we do not write: data that an apply may destroy, secrets, what is open to everybody."""

import re

# What holds data, or the only key to it: Terraform refuses to destroy it.
HOLDS_DATA = {
    *("azurerm_resource_group", "azurerm_storage_account", "azurerm_storage_container", "azurerm_key_vault", "azurerm_key_vault_key"),
    *("azurerm_databricks_workspace", "azurerm_log_analytics_workspace"),
    *("databricks_metastore", "databricks_catalog", "databricks_schema", "databricks_volume", "databricks_sql_table"),
    *("databricks_mws_workspaces", "aws_s3_bucket", "aws_kms_key", "aws_glue_catalog_database", "aws_dynamodb_table"),
    *("aws_secretsmanager_secret", "google_project", "google_folder", "google_storage_bucket", "google_bigquery_dataset"),
    *("google_bigquery_table", "google_kms_key_ring", "google_kms_crypto_key", "google_secret_manager_secret"),
}
# By this a table is a way to look at files that are elsewhere, and holds nothing.
ELSEWHERE = "external_data_configuration"
# Arguments by which what holds data goes all the same.
DESTROYS = {"force_destroy": True, "force_delete": True, "delete_contents_on_destroy": True, "skip_destroy": False}
# Arguments by which a provider keeps it.
KEEPS = {"purge_protection_enabled": True, "deletion_protection": True, "enable_deletion_protection": True}
# What is open unless it is said to be closed: the argument must stand wherever a resource takes it.
CLOSED = {
    "public_network_access_enabled": False,
    "allow_nested_items_to_be_public": False,
    "shared_access_key_enabled": False,
    "local_user_enabled": False,
    "sftp_enabled": None,
    "local_authentication_enabled": False,
    "internet_ingestion_enabled": False,
    "internet_query_enabled": False,
    "public_access_enabled": False,
    "publicly_accessible": False,
    "map_public_ip_on_launch": False,
    "block_public_acls": True,
    "block_public_policy": True,
    "ignore_public_acls": True,
    "restrict_public_buckets": True,
    "endpoint_public_access": False,
    "public_access_prevention": "enforced",
    "uniform_bucket_level_access": True,
    "enable_private_nodes": True,
    "enable_private_endpoint": True,
    "default_action": "Deny",
    "container_access_type": "private",
}
# Where that argument says something else, or is as it has to be: whoever reads logs does so at the provider's portal, as themselves.
OTHERWISE = {("aws_lb_listener", "default_action"), ("azurerm_log_analytics_workspace", "internet_query_enabled")}
EVERYBODY = {"0.0.0.0/0", "::/0", "allUsers", "allAuthenticatedUsers", "*:*"}
NAMED_SECRET = re.compile(
    r"(^|_)(password|passphrase|secret|token|private_key|access_key|secret_key|account_key|sas|connection_string|api_key)$"
)
LOOKS_SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\bdapi[0-9a-f]{32}|\beyJ[\w-]{20,}\.|AccountKey=|\bgh[pousr]_\w{30}|\bAIza[\w-]{35}"
)


def holds(value):
    """Everything that a value has in it: each with its name and the path there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield str(name), one, str(name)
        for deeper, what, path in holds(one):
            yield deeper, what, f"{name}.{path}"


def check_resource(faults, file, address, body, schema):
    """What a resource says, and what it should."""
    kind = address.split(".")[0]
    kept = body.get("lifecycle", {})
    if kind in HOLDS_DATA and ELSEWHERE not in body and not (isinstance(kept, dict) and kept.get("prevent_destroy") is True):
        faults.add(file, address, "holds data, and has no prevent_destroy")
    for name, value, path in holds(body):
        here = f"{address}.{path}"
        if name in DESTROYS and value is DESTROYS[name] is True:
            faults.add(file, here, "destroys what it holds")
        if name in KEEPS and ELSEWHERE not in body and value is not KEEPS[name] and "${" not in str(value):
            faults.add(file, here, "does not keep what it holds")
        if (wanted := CLOSED.get(name)) is not None and (kind, name) not in OTHERWISE:
            closed = value in (wanted, str(wanted).lower()) or isinstance(value, str) and value.startswith("${")
            if not closed and not isinstance(value, dict | list):
                faults.add(file, here, f"is open: {wanted!r} is expected, not {value!r}")
    for name, wanted in CLOSED.items():
        if wanted is not None and schema and name in schema.arguments and name not in body and (kind, name) not in OTHERWISE:
            if not schema.arguments[name][1]:
                faults.add(file, address, f"{name} is not said, and open by default: {wanted!r} is expected")
    check_ingress(faults, file, address, body)


def check_ingress(faults, file, address, body):
    """Who may come in: never everybody. Going out is another matter, which has a firewall's or a proxy's rules."""
    kind = address.split(".")[0]
    comes_in = {
        "aws_vpc_security_group_ingress_rule": body,
        "aws_security_group": body.get("ingress"),
        "aws_security_group_rule": body if body.get("type") == "ingress" else None,
        "google_compute_firewall": body if body.get("direction", "INGRESS") == "INGRESS" and "allow" in body else None,
        "azurerm_network_security_rule": body if (body.get("direction"), body.get("access")) == ("Inbound", "Allow") else None,
    }.get(kind, body if "iam" in kind else None)
    for _, value, path in holds(comes_in):
        if isinstance(value, str) and value in EVERYBODY:
            faults.add(file, f"{address}.{path}", f"lets everybody in: {value!r}")


def check_secrets(faults, file, address, body):
    """No secret is written out: neither where one is named nor where something looks like one."""
    for name, value, path in holds(body):
        if not isinstance(value, str):
            continue
        if LOOKS_SECRET.search(value):
            faults.add(file, f"{address}.{path}", "looks like a secret")
        elif NAMED_SECRET.search(name) and "${" not in value and name not in ("key_vault_secret", "use_token"):
            faults.add(file, f"{address}.{path}", "is a secret that is written out")

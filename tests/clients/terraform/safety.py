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
    *("google_sql_database_instance", "aws_db_instance", "aws_rds_cluster", "azurerm_postgresql_flexible_server"),
}
# By this a table is a way to look at files that are elsewhere, and holds nothing.
ELSEWHERE = "external_data_configuration"
# Arguments by which what holds data goes all the same.
DESTROYS = {"force_destroy", "force_delete", "delete_contents_on_destroy"}
# Arguments by which a provider keeps it.
KEEPS = {"purge_protection_enabled", "deletion_protection", "enable_deletion_protection"}
# What is open unless it is said to be closed: the argument stands wherever a resource takes it.
CLOSED = {
    "public_network_access_enabled": False,
    "allow_nested_items_to_be_public": False,
    "shared_access_key_enabled": False,
    "local_user_enabled": False,
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
    "ipv4_enabled": False,
    "default_action": "Deny",
    "container_access_type": "private",
}
# Where that argument says something else, or is as it has to be: whoever reads logs does so at the provider's portal, as themselves.
OTHERWISE = {("aws_lb_listener", "default_action"), ("azurerm_log_analytics_workspace", "internet_query_enabled")}
# The blocks by which something is closed, and the resources.
CLOSED_BY = {"google_container_cluster": ["private_cluster_config"]}
BESIDE = {"aws_s3_bucket": {"aws_s3_bucket_public_access_block": "bucket"}}
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


class Resource:
    """A resource of a module: what it says, and what it should."""

    def __init__(self, module, file, address, body, schema):
        self.module, self.file, self.address, self.body, self.schema = module, file, address, body, schema
        self.kind = address.split(".")[0]

    def fault(self, path, what):
        self.module.faults.add(self.file, ".".join((self.address, *path)), what)

    def check(self):
        kept = self.body.get("lifecycle", {})
        holds_data = self.kind in HOLDS_DATA and ELSEWHERE not in self.body
        if holds_data and not (isinstance(kept, dict) and kept.get("prevent_destroy") is True):
            self.fault((), "holds data, and has no prevent_destroy")
        for name, value, path in holds(self.body):
            self.check_value(name, value, path)
        for name in CLOSED_BY.get(self.kind, ()):
            if name not in self.body:
                self.fault((), f"is open: it has no {name}")
        self.check_said((), self.body, self.schema.arguments)
        self.check_beside()
        self.check_ingress()

    def check_value(self, name, value, path):
        """One value, wherever in the resource it is: of a variable its default. Others that are computed say nothing here."""
        if variable := re.fullmatch(r"\$\{var\.(\w+)\}", value) if isinstance(value, str) else None:
            _, declared = self.module.variables.get(variable[1], (None, {}))
            if "default" not in declared:
                return
            value = declared["default"]
        if isinstance(value, dict | list) or isinstance(value, str) and "${" in value:
            return
        if name in DESTROYS and value is not False:
            self.fault((path,), "destroys what it holds")
        if name in KEEPS and ELSEWHERE not in self.body and value is not True:
            self.fault((path,), "does not keep what it holds")
        if name in CLOSED and (self.kind, name) not in OTHERWISE and value not in (CLOSED[name], str(CLOSED[name]).lower()):
            self.fault((path,), f"is open: {CLOSED[name]!r} is expected, not {value!r}")

    def check_said(self, path, body, arguments):
        """That each block says of itself that it is closed."""
        for name, (_, is_block, of) in arguments.items():
            if is_block and name in body:
                struct = self.schema.structs[of[1] if of[0] == "struct" else of[1][1]]
                for one in body[name] if isinstance(body[name], list) else [body[name]]:
                    if isinstance(one, dict):
                        self.check_said((*path, name), one, struct)
            elif name in CLOSED and not is_block and name not in body and (self.kind, name) not in OTHERWISE:
                self.fault(path, f"{name} is not said, and open by default: {CLOSED[name]!r} is expected")

    def check_beside(self):
        """What has its closing in a resource of its own."""
        for other, argument in BESIDE.get(self.kind, {}).items():
            ours = [body for at, (_, body) in self.module.resources.items() if at.startswith(f"{other}.")]
            if not any(self.address in str(body.get(argument)) for body in ours):
                self.fault((), f"is open: no {other} is of it")

    def check_ingress(self):
        """Who may come in: never everybody. Going out is another matter, which has a firewall's or a proxy's rules."""
        body = self.body
        comes_in = {
            "aws_vpc_security_group_ingress_rule": body,
            "aws_security_group": body.get("ingress"),
            "aws_security_group_rule": body if body.get("type") == "ingress" else None,
            "google_compute_firewall": body if body.get("direction", "INGRESS") == "INGRESS" and "allow" in body else None,
            "azurerm_network_security_rule": body if (body.get("direction"), body.get("access")) == ("Inbound", "Allow") else None,
        }.get(self.kind, body if "_iam_" in self.kind else None)
        for _, value, path in holds(comes_in):
            if isinstance(value, str) and value in EVERYBODY:
                self.fault((path,), f"lets everybody in: {value!r}")


def check_secrets(faults, file, address, body):
    """No secret is written out: neither by its argument's name, but for what only names one, nor by its looks."""
    for name, value, path in holds(body):
        if not isinstance(value, str):
            continue
        if LOOKS_SECRET.search(value):
            faults.add(file, f"{address}.{path}", "looks like a secret")
        elif NAMED_SECRET.search(name) and "${" not in value and "names" not in path.split("."):
            faults.add(file, f"{address}.{path}", "is a secret that is written out")

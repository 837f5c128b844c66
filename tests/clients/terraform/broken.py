"""Ways in which a tree may be wrong, each with what has to be said of it. So that a check which finds nothing is known to look."""

import json
from pathlib import Path

DOMAIN = "modules/azure/domain/main.tf.json"
VARIABLES = "modules/azure/domain/variables.tf.json"
OUTPUTS = "modules/azure/domain/outputs.tf.json"
CATALOG = "modules/databricks/domain/main.tf.json"
ROOT = "landing/trading-azure/main.tf.json"
CALL = "landing/trading-azure/domain_odds.tf.json"

# What is wrong, in which file, by which words it is told, and how it came to be.
WAYS = []


def way(what, file, *told):
    """Adds a way: the function that is given next changes the file's tree."""

    def add(function):
        WAYS.append((what, file, told, function))
        return function

    return add


def change(path, *keys_and_value):
    """A function that puts a value where keys lead."""
    *keys, last, value = keys_and_value

    def to(tree):
        for key in [*path, *keys]:
            tree = tree[key]
        tree[last] = value

    return to


def without(*keys):
    """A function that takes out what is where keys lead."""

    def to(tree):
        for key in keys[:-1]:
            tree = tree[key]
        del tree[keys[-1]]

    return to


ACCOUNT = ("resource", "azurerm_storage_account", "data")
VAULT = ("resource", "azurerm_key_vault", "domain")
POLICY = ("resource", "azurerm_storage_management_policy", "data")
CALLED = ("module", "domain_odds")

way("a block of no kind", DOMAIN, "resources", "no block of Terraform")(change((), "resources", {}))
way("a resource of no kind", DOMAIN, "has no azurerm_vault")(change(("resource",), "azurerm_vault", {"x": {}}))
way("a data source as a resource", DOMAIN, "azurerm_client_config, which is a data source")(
    change(("resource",), "azurerm_client_config", {"x": {}})
)
way("an argument of no resource", DOMAIN, "azurerm_storage_account.data: no argument named 'is_hns'")(change(ACCOUNT, "is_hns", True))
way("an argument that is camel case", DOMAIN, "no argument named 'skuName'")(change(VAULT, "skuName", "standard"))
way("an id that nobody may set", DOMAIN, "azurerm_key_vault.domain: no argument named 'id'")(change(VAULT, "id", "x"))
way("a required argument that is missing", DOMAIN, "azurerm_key_vault.domain: 'sku_name' is required")(without(*VAULT, "sku_name"))
way("an argument that is null where one is required", DOMAIN, "'sku_name' is required")(change(VAULT, "sku_name", None))
way("a list where a text is taken", DOMAIN, "sku_name: string is expected, not list")(change(VAULT, "sku_name", ["standard"]))
way("a word where a number is taken", DOMAIN, "number is expected, not 'long'")(change(VAULT, "soft_delete_retention_days", "long"))
way("a text where a list is taken", DOMAIN, "bypass: list of string is expected")(
    change(ACCOUNT, "network_rules", "bypass", "AzureServices")
)
way("a list by its variable where a text is taken", DOMAIN, "location: string is expected, not map")(
    change(ACCOUNT, "location", "${var.tags}")
)
way("an argument of no block", DOMAIN, "delete_retention_policy: no argument named 'day'")(
    change(ACCOUNT, "blob_properties", "delete_retention_policy", "day", 30)
)
way("a block deep down that lacks something", DOMAIN, "rule: 'name' is required")(without(*POLICY, "rule", "name"))
way("an expression where a block stands", DOMAIN, "network_rules: a block is expected")(change(ACCOUNT, "network_rules", "${var.tags}"))
way("a block twice that may stand once", DOMAIN, "identity: may stand once")(
    change(("resource", "azurerm_databricks_access_connector", "domain"), "identity", [{"type": "SystemAssigned"}] * 2)
)
way("dynamic blocks of no kind", DOMAIN, "dynamic.rules: no block named 'rules'")(
    change(POLICY, "dynamic", {"rules": {"for_each": [1], "content": {}}})
)
way("dynamic blocks with an argument of none", DOMAIN, "dynamic.rule.content: no argument named 'nam'")(
    change(POLICY, "dynamic", {"rule": {"for_each": ["a"], "content": {"nam": "${rule.value}", "name": "a", "enabled": True}}})
)
way("a value of dynamic blocks by another name", DOMAIN, "no resource it.value is declared")(
    change(POLICY, "dynamic", {"rule": {"for_each": ["a"], "content": {"name": "${it.value}", "enabled": True}}})
)
way("a variable that nobody declares", DOMAIN, "no variable 'nams' is declared")(change(VAULT, "name", "${var.nams.key_vault}"))
way("a member that a variable has not", DOMAIN, "has no 'vault'")(change(VAULT, "name", "${var.names.vault}"))
way("a member that what is gone over has not", DOMAIN, "has no 'nam'")(change(ACCOUNT, "name", "${each.value.nam}"))
way("a resource that nobody declares", DOMAIN, "no resource azurerm_resource_group.zone is declared")(
    change(VAULT, "resource_group_name", "${azurerm_resource_group.zone.name}")
)
way("an attribute that a resource has not", DOMAIN, "has no attribute 'nam'")(
    change(VAULT, "resource_group_name", "${azurerm_resource_group.domain.nam}")
)
way("one of many that does not say which", DOMAIN, "it is not said which")(
    change(("resource", "azurerm_storage_container", "data"), "storage_account_id", "${azurerm_storage_account.data.id}")
)
way("[*] over what is known by keys", OUTPUTS, "values(...) is meant")(
    change(("output",), "all", {"value": "${azurerm_storage_account.data[*].id}", "description": "All."})
)
way("each without for_each", DOMAIN, "`each` stands where there is no for_each")(change(VAULT, "name", "${each.key}"))
way("count.index without count", DOMAIN, "`count.index` stands where there is no count")(change(VAULT, "name", "v${count.index}"))
way("how many there are, known too late", DOMAIN, "count: is known only when azurerm_resource_group.domain is made")(
    change(VAULT, "count", "${azurerm_resource_group.domain.id == null ? 0 : 1}")
)
way("keys that are known too late", DOMAIN, "for_each: is known only when azurerm_resource_group.domain is made")(
    change(VAULT, "for_each", "${toset([azurerm_resource_group.domain.id])}")
)
way("what is needed for itself", DOMAIN, "is needed for itself: azurerm_resource_group.domain -> azurerm_key_vault.domain")(
    change(("resource", "azurerm_resource_group", "domain"), "location", "${azurerm_key_vault.domain.location}")
)
way("a resource where a text is taken", DOMAIN, "string is expected, not a resource")(
    change(VAULT, "resource_group_name", "${azurerm_resource_group.domain}")
)
way("what is no expression", DOMAIN, "no expression")(change(VAULT, "name", "${var.names.}"))
way("a brace that nothing closes", DOMAIN, "no brace closes")(change(VAULT, "name", "${var.names.key_vault"))
way("what an earlier one is needed for and is not there", DOMAIN, "depends_on: there is no azurerm_key_vault.zone")(
    change(VAULT, "depends_on", ["azurerm_key_vault.zone"])
)
way("a change that is ignored of no argument", DOMAIN, "ignore_changes: no argument named 'tag'")(
    change(VAULT, "lifecycle", "ignore_changes", ["tag"])
)
way("an address in two files", OUTPUTS, "azurerm_key_vault.domain: is declared a second time")(
    change((), "resource", {"azurerm_key_vault": {"domain": {}}})
)
way("a variable that nobody uses", VARIABLES, "variable.more: is not used")(
    change(("variable",), "more", {"type": "string", "description": "More.", "default": ""})
)
way("a variable that says nothing of itself", VARIABLES, "variable.location: has no description")(
    without("variable", "location", "description")
)
way("a description that is an expression", VARIABLES, "description")(change(("variable", "location"), "description", "As ${var.tags}."))
way("an output that says nothing of itself", OUTPUTS, "has no description")(change(("output",), "more", {"value": 1}))
way("a variable of no type", VARIABLES, "no type: 'text'")(change(("variable", "location"), "type", "text"))
way("a default of another type", VARIABLES, "string is expected, not list")(change(("variable", "location"), "default", ["x"]))
way("a folder that is not there", CALL, "is no module of this tree")(change(CALLED, "source", "../../modules/azure/dom"))
way("what a module takes not", CALL, "has no variable 'colour'")(change(CALLED, "colour", "red"))
way("what a module demands and is not given", CALL, "is required and missing")(without(*CALLED, "location"))
way("an object that lacks a member", CALL, "lacks key_vault")(without(*CALLED, "names", "key_vault"))
way("an object with a member that its type has not", CALL, "'colour' is left out")(change(CALLED, "names", "colour", "red"))
way("objects of which one is taken and that are not alike", ROOT, "one of two objects has no amount, sum")(
    change(("locals",), "no_budget", {"sum": 0, "start": "2026-01-01T00:00:00Z", "emails": []})
)
way("a text where a module takes an object", CALL, "is expected, not string")(change(CALLED, "names", "odds"))
way("an output that a module has not", CALL, "has no 'networks'")(change(CALLED, "location", "${module.zone.networks}"))
way("a module that nobody calls", CALL, "no module 'zones' is declared")(change(CALLED, "location", "${module.zones.x}"))
way("a provider that is not required", ROOT, "azurerm, which modules/azure/domain is of")(
    without("terraform", "required_providers", "azurerm")
)
way("a provider of any version", ROOT, "version '~> 4.55' is expected")(
    change(("terraform", "required_providers", "azurerm"), "version", ">= 4")
)
way("a provider that is not configured", ROOT, "no provider azurerm is configured")(without("provider", "azurerm"))
way("a provider with an argument of none", ROOT, "provider.azurerm: no argument named 'subscription'")(
    change(("provider", "azurerm"), "subscription", "x")
)
way("a state with an argument of none", ROOT, "backend.azurerm: no argument named 'container'")(
    change(("terraform", "backend", "azurerm"), "container", "x")
)
way("data that an apply may destroy", DOMAIN, "azurerm_storage_account.data: holds data")(without(*ACCOUNT, "lifecycle"))
way("a catalog that goes with what is in it", CATALOG, "destroys what it holds")(
    change(("resource", "databricks_catalog", "domain"), "force_destroy", True)
)
way("a vault that may be purged", DOMAIN, "does not keep what it holds")(change(VAULT, "purge_protection_enabled", False))
way("a secret", DOMAIN, "is a secret that is written out")(
    change(("resource",), "azurerm_key_vault_secret", {"x": {"name": "x", "key_vault_id": "y", "value": "z", "password": "hunter2"}})
)
way("what looks like a secret", DOMAIN, "looks like a secret")(change(VAULT, "tags", {"a": "AKIAIOSFODNN7EXAMPLE"}))
way("public access", DOMAIN, "public_network_access_enabled: is open")(change(ACCOUNT, "public_network_access_enabled", True))
way("public access by leaving it out", DOMAIN, "public_network_access_enabled is not said")(
    without(*VAULT, "public_network_access_enabled")
)
way("a firewall that lets everybody in", DOMAIN, "default_action: is open")(change(ACCOUNT, "network_rules", "default_action", "Allow"))


@way("public access by a default", DOMAIN, "public_network_access_enabled: is open")
def _(tree):
    tree["variable"] = {"open": {"type": "bool", "description": "Open.", "default": True}}
    tree["resource"]["azurerm_key_vault"]["domain"]["public_network_access_enabled"] = "${var.open}"


@way("what is forgotten and destroyed", CALL, "destroys what it forgets")
def _(tree):
    tree["removed"] = {"from": "module.gone", "lifecycle": {"destroy": True}}


@way("what is forgotten and declared", CALL, "is declared all the same")
def _(tree):
    tree["removed"] = {"from": "module.domain_odds", "lifecycle": {"destroy": False}}


def breaking(root, file, function):
    """Breaks a tree, and returns what mends it."""
    path = Path(root, file)
    kept = path.read_text()
    tree = json.loads(kept)
    function(tree)
    path.write_text(json.dumps(tree, indent=2))
    return lambda: path.write_text(kept)

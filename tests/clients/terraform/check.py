"""A tree of Terraform in JSON, checked without Terraform and its registry.

usage: check.py TREE FOLDER      the folder is that of schemas.py; prints a line for each fault, and ends with 1 where there is one

Each folder with `*.tf.json` is a module: of a root, or below `modules` one that roots call.
"""

import json
import re
import shutil
import subprocess
import sys

import modules
import safety
import schemas
import variable_types as types
from arguments import Arguments, check_lifecycle
from meaning import Meaning, Scope
from modules import OF_CALLS, Faults

PIN = re.compile(r"~> (\d+)\.(\d+)\Z")
# What backends take. They are Terraform's own, and so in no provider.
BACKENDS = {
    "azurerm": {
        *("resource_group_name", "storage_account_name", "container_name", "key", "use_azuread_auth", "use_oidc"),
        *("subscription_id", "tenant_id"),
    },
    "s3": {"bucket", "key", "region", "encrypt", "kms_key_id", "use_lockfile", "assume_role", "allowed_account_ids"},
    "gcs": {"bucket", "prefix", "kms_encryption_key", "impersonate_service_account"},
}


def terraform():
    """Terraform or OpenTofu, whichever is on the path."""
    return shutil.which("terraform") or shutil.which("tofu")


def functions():
    """The names of functions that Terraform has, or none where it is not there to ask."""
    if not terraform():
        return set()
    said = subprocess.run([terraform(), "metadata", "functions", "-json"], capture_output=True, text=True, check=True)
    return set(json.loads(said.stdout)["function_signatures"])


class Tree:
    """The modules of a tree, and what is wrong with them."""

    def __init__(self, root, providers, known_functions):
        self.faults, self.providers = Faults(), providers
        self.modules = modules.load(root, self.faults)
        assert self.modules, f"there is nothing to check in {root}"
        self.meanings = {}
        for name, module in self.modules.items():
            self.meanings[name] = Meaning(module, self.meanings, providers, known_functions)

    def check(self):
        """Checks every module. Returns the lines of faults."""
        for meaning in self.meanings.values():
            OneModule(self, meaning).check()
        return self.faults.lines

    def count(self):
        """How many modules there are, and how many resources, data sources and calls."""
        of_modules = [len(m.resources) + len(m.data) + len(m.calls) for m in self.modules.values()]
        return len(of_modules), sum(of_modules)


class OneModule:
    """One module of a tree."""

    def __init__(self, tree, meaning):
        self.tree, self.meaning, self.module = tree, meaning, meaning.module

    def fault(self, file, address, what):
        self.module.faults.add(file, address, what)

    def check(self):
        for name, (file, body) in self.module.variables.items():
            self.variable(file, f"variable.{name}", body)
        for name, (file, body) in self.module.outputs.items():
            self.described(file, f"output.{name}", body)
            if "value" not in body:
                self.fault(file, f"output.{name}", "'value' is required and missing")
            self.meaning.output(name)
            self.depends(file, f"output.{name}", body)
        for name, (file, value) in self.module.locals.items():
            self.meaning.of(value, Scope(), file, f"local.{name}")
            safety.check_secrets(self.module.faults, file, "local", {name: value})
        for group, declared in (("resource", self.module.resources), ("data", self.module.data)):
            for address, (file, body) in declared.items():
                self.resource(group, file, address, body)
        for name, (file, body) in self.module.calls.items():
            self.call(file, f"module.{name}", body)
        for name, (file, body) in self.module.providers.items():
            self.provider(file, name, body)
        self.required()
        self.backends()
        self.left_over()

    def described(self, file, address, body):
        text = body.get("description")
        if not isinstance(text, str) or not text.strip():
            self.fault(file, address, "has no description")
        elif self.meaning.of(text, Scope(), file, f"{address}.description") and re.search(r"(?<!\$)\$\{", text):
            self.fault(file, f"{address}.description", "an expression stands where there may be none")

    def variable(self, file, address, body):
        self.described(file, address, body)
        if "type" not in body:
            return self.fault(file, address, "has no type")
        try:
            wanted = types.declared(body["type"])
        except (TypeError, ValueError) as error:
            return self.fault(file, f"{address}.type", str(error))
        if safety.NAMED_SECRET.search(address) and body.get("sensitive") is not True:
            self.fault(file, address, "is a secret by its name, and not sensitive")
        if "default" in body:
            self.agree(file, f"{address}.default", body["default"], wanted, Scope())
            safety.check_secrets(self.module.faults, file, "variable", {address.removeprefix("variable."): body["default"]})
        for one in as_list(body.get("validation")):
            self.condition(file, f"{address}.validation", one)

    def condition(self, file, address, body):
        if set(body) != {"condition", "error_message"}:
            self.fault(file, address, "condition and error_message are required, and nothing else")
        for name, value in body.items():
            self.meaning.of(value, Scope(), file, f"{address}.{name}")

    def agree(self, file, address, value, wanted, scope):
        """That a value is of a variable's type. One that is written out is looked at part for part."""
        if isinstance(value, dict) and wanted[0] == "object":
            lacking = [name for name, (_, optional) in wanted[1].items() if not optional and name not in value]
            if lacking:
                self.fault(file, address, f"lacks {', '.join(lacking)}")
            for name, inner in value.items():
                if name in wanted[1]:
                    self.agree(file, f"{address}.{name}", inner, wanted[1][name][0], scope)
                else:
                    # Terraform takes it and leaves it out, without a word.
                    self.fault(file, address, f"{name!r} is left out, as the variable's type has no such member")
        elif isinstance(value, dict) and wanted[0] == "map":
            for name, inner in value.items():
                self.meaning.of(name, scope, file, address)
                self.agree(file, f"{address}.{name}", inner, wanted[1], scope)
        elif isinstance(value, list) and wanted[0] == "list":
            for at, inner in enumerate(value):
                self.agree(file, f"{address}[{at}]", inner, wanted[1], scope)
        else:
            given = self.meaning.of(value, scope, file, address)
            if not types.agree(given, wanted):
                lacking = types.missing(given, wanted) if given[0] == wanted[0] == "object" else []
                how = f"lacks {', '.join(lacking)}" if lacking else f"{types.shown(wanted)} is expected, not {types.shown(given)}"
                self.fault(file, address, how)

    def resource(self, group, file, address, body):
        kind = address.split(".")[0]
        shown = address if group == "resource" else f"data.{address}"
        provider = self.tree.providers.get(kind.split("_")[0])
        if provider is None:
            return self.fault(file, shown, f"no provider of {kind} is known here")
        schema = provider.of(group, kind)
        if schema is None:
            other = "a resource" if group == "data" else "a data source"
            hint = f", which is {other}" if provider.of("resource" if group == "data" else "data", kind) else ""
            return self.fault(file, shown, f"{provider.name} {provider.version} has no {kind}{hint}")
        self.many(file, shown, body)
        scope = self.meaning.scope(body, file, shown)
        Arguments(self.meaning, schema, scope, file).check(shown, body)
        check_lifecycle(self.meaning, schema, scope, body, file, shown)
        self.depends(file, shown, body)
        self.configured(file, shown, body.get("provider", provider.name))
        if provider.name not in self.module.required:
            self.fault(file, shown, f"{provider.name} is not among required_providers")
        safety.check_secrets(self.module.faults, file, shown, body)
        if group == "resource":
            safety.Resource(self.module, file, shown, body, schema).check()

    def many(self, file, address, body):
        if "count" in body and "for_each" in body:
            self.fault(file, address, "has both count and for_each")

    def configured(self, file, address, name):
        """That a configuration of a provider is there by the name that is used."""
        if "." in name and name not in self.module.aliases and name not in self.module.providers:
            self.fault(file, address, f"no provider {name} is configured")
        elif "." not in name and not self.module.is_called and name not in self.module.providers:
            self.fault(file, address, f"no provider {name} is configured")

    def depends(self, file, address, body):
        for text in as_list(body.get("depends_on")):
            parts = re.sub(r"^\$\{(.*)\}$", r"\1", text).split(".")
            if parts[0] == "module":
                there = len(parts) == 2 and parts[1] in self.module.calls
            elif parts[0] == "data":
                there = ".".join(parts[1:3]) in self.module.data
            else:
                there = ".".join(parts[:2]) in self.module.resources
            if not there:
                self.fault(file, f"{address}.depends_on", f"there is no {text}")
            elif parts[0] != "module":
                self.meaning.needs.setdefault(address, set()).add(".".join(parts[: 3 if parts[0] == "data" else 2]))

    def call(self, file, address, body):
        self.many(file, address, body)
        source = self.module.source(body)
        called = self.tree.meanings.get(source)
        if called is None:
            return self.fault(file, address, f"source {body.get('source')!r} is no module of this tree")
        scope = self.meaning.scope(body, file, address)
        for name, value in body.items():
            if name in OF_CALLS or name == "//":
                continue
            if name not in called.module.variables:
                self.fault(file, address, f"{source} has no variable {name!r}")
            else:
                self.agree(file, f"{address}.{name}", value, called.variable(name), scope)
        for name, (_, wanted) in called.module.variables.items():
            if "default" not in wanted and name not in body:
                self.fault(file, address, f"variable {name!r} of {source} is required and missing")
        self.depends(file, address, body)
        self.passed(file, address, body, called.module)
        safety.check_secrets(self.module.faults, file, address, body)

    def passed(self, file, address, body, called):
        """The providers that a call passes on, and those that the module wants by names of its own."""
        given = body.get("providers", {})
        for name, own in given.items():
            if name not in called.aliases and name not in called.required:
                self.fault(file, f"{address}.providers", f"{called.name} has no provider {name}")
            self.configured(file, f"{address}.providers", own)
        for name in sorted(called.aliases - set(given)):
            self.fault(file, address, f"provider {name} of {called.name} is required and missing")
        for name in called.required:
            if name not in self.module.required:
                self.fault(file, address, f"{name}, which {called.name} is of, is not among required_providers")
            if name not in given:
                self.configured(file, address, name)

    def provider(self, file, name, body):
        address, provider = f"provider.{name}", self.tree.providers.get(name.split(".")[0])
        if self.module.is_called:
            self.fault(file, address, "a module that is called configures no provider")
        if provider is None:
            return self.fault(file, address, "no such provider is known here")
        arguments = Arguments(self.meaning, provider.of("provider", provider.name), Scope(), file)
        arguments.check(address, body, {"alias"})
        safety.check_secrets(self.module.faults, file, address, body)

    def required(self):
        for name, (file, body) in self.module.required.items():
            address, provider = f"required_providers.{name}", self.tree.providers.get(name)
            if provider is None:
                self.fault(file, address, "no such provider is known here")
                continue
            if body.get("source") != provider.source:
                self.fault(file, address, f"source {provider.source!r} is expected, not {body.get('source')!r}")
            pin = PIN.match(str(body.get("version")))
            # Arguments are known of the lowest version that is let in, so that every one of them has what is used.
            if not pin or [*pin.groups(), "0"] != provider.version.split("."):
                lowest = ".".join(provider.version.split(".")[:2])
                self.fault(file, address, f"version '~> {lowest}' is expected, whose arguments are known, not {body.get('version')!r}")

    def backends(self):
        for name, (file, body) in self.module.backends.items():
            if self.module.is_called:
                self.fault(file, f"backend.{name}", "a module that is called has no state of its own")
            for argument in set(body) - BACKENDS.get(name, set()):
                self.fault(file, f"backend.{name}", f"no argument named {argument!r}")
            for argument, value in body.items():
                if isinstance(value, str) and (not value or "${" in value):
                    self.fault(file, f"backend.{name}.{argument}", f"a text is expected, not {value!r}")

    def left_over(self):
        """What is declared and not used, and what is forgotten and declared all the same."""
        for name, (file, body) in self.module.variables.items():
            # One of a root may wait for the domain that needs it, if nobody is asked for it until then.
            if name not in self.meaning.used and (self.module.is_called or "default" not in body):
                self.fault(file, f"variable.{name}", "is not used")
        declared = {*self.module.resources, *(f"module.{name}" for name in self.module.calls)}
        for circle in self.meaning.circles():
            self.fault(self.module.name, circle[0], f"is needed for itself: {' -> '.join(circle)}")
        for address, file in self.module.forgotten.items():
            if address in declared:
                self.fault(file, f"removed {address}", "is declared all the same")


def as_list(value):
    return value if isinstance(value, list) else [] if value is None else [value]


if __name__ == "__main__":
    tree = Tree(sys.argv[1], schemas.all_of(sys.argv[2]), functions())
    lines = tree.check()
    print(*lines, sep="\n")
    print("{} modules, {} resources and calls, {} faults".format(*tree.count(), len(lines)))
    sys.exit(1 if lines else 0)

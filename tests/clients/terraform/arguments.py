"""Bodies beside what their provider takes: names, what is required, types, blocks within blocks."""

import re

import variable_types as types
from modules import MEANT, OF_RESOURCES

NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")


class Arguments:
    """The arguments of one block of a module."""

    def __init__(self, meaning, schema, scope, file):
        self.meaning, self.schema, self.scope, self.file = meaning, schema, scope, file

    def fault(self, address, what):
        self.meaning.module.faults.add(self.file, address, what)

    def check(self, address, body, also=OF_RESOURCES):
        """Checks the outermost body, which takes some arguments beside those of its provider."""
        own = {name: value for name, value in body.items() if name not in also or name in self.schema.arguments}
        self.body(address, own, self.schema.arguments, self.scope)

    def body(self, address, body, wanted, scope):
        given = {name for name, value in body.items() if value is not None}
        for name, value in body.items():
            if name == "dynamic" and "dynamic" not in wanted:
                given |= self.dynamic(address, value, wanted, scope)
            elif name != "//" and name not in wanted:
                self.fault(address, f"no argument named {name!r}")
            elif name != "//":
                self.argument(f"{address}.{name}", value, wanted[name], scope)
        for name, (required, _, _) in wanted.items():
            if required and name not in given:
                self.fault(address, f"{name!r} is required and missing")

    def argument(self, address, value, wanted, scope):
        _, is_block, kind = wanted
        if is_block:
            self.blocks(address, value, kind, scope)
        elif value is not None:
            self.attribute(address, value, kind, scope)

    def blocks(self, address, value, kind, scope):
        many, struct = (kind[0] == "list", kind[1][1]) if kind[0] == "list" else (False, kind[1])
        if kind[0] == "map":
            many, struct, value = True, kind[1][1], list(value.values()) if isinstance(value, dict) else value
        bodies = value if isinstance(value, list) else [value]
        if len(bodies) > 1 and not many:
            self.fault(address, f"may stand once, not {len(bodies)} times")
        for at, body in enumerate(bodies):
            here = address if len(bodies) == 1 else f"{address}[{at}]"
            if isinstance(body, dict):
                self.body(here, body, self.schema.structs[struct], scope)
            elif body is not None:
                self.fault(here, f"a block is expected, which is an object: not {type(body).__name__}")

    def attribute(self, address, value, kind, scope):
        """A value that is written out is checked part for part; one that is computed by its type."""
        if kind[0] == "struct" and isinstance(value, dict):
            return self.members(address, value, self.schema.structs[kind[1]], scope)
        if kind[0] == "list" and isinstance(value, list):
            for at, item in enumerate(value):
                self.attribute(f"{address}[{at}]", item, kind[1], scope)
            return
        if kind[0] == "map" and isinstance(value, dict):
            for key, item in value.items():
                self.meaning.of(key, scope, self.file, address)
                self.attribute(f"{address}.{key}", item, kind[1], scope)
            return
        given = self.meaning.of(value, scope, self.file, address)
        if not types.agree(given, simple(kind)):
            self.fault(address, f"{types.shown(simple(kind))} is expected, not {types.shown(given)}")
        elif isinstance(value, str) and "${" not in value:
            fits = {"number": NUMBER.match(value), "bool": value in ("true", "false")}
            if not fits.get(kind if isinstance(kind, str) else "", True):
                self.fault(address, f"{kind} is expected, not {value!r}")

    def members(self, address, value, wanted, scope):
        """The members of a value that is an object and no block. Where none is required, the provider has it as a list of objects, whose
        members Terraform wants in JSON one and all, as null where there is nothing to say."""
        self.body(address, value, wanted, scope)
        left_out = sorted(set(wanted) - set(value))
        if left_out and not any(required for required, _, _ in wanted.values()):
            self.fault(address, f"{', '.join(left_out)}: left out of an object that is no block; null says that there is none")

    def dynamic(self, address, value, wanted, scope):
        """Blocks of a collection. Returns the names of those that there are."""
        found = set()
        for group in value if isinstance(value, list) else [value]:
            for name, of_name in group.items():
                here = f"{address}.dynamic.{name}"
                if name not in wanted or not wanted[name][1]:
                    self.fault(here, f"no block named {name!r}")
                    continue
                found.add(name)
                for one in of_name if isinstance(of_name, list) else [of_name]:
                    self.one_dynamic(here, name, one, wanted[name][2], scope)
        return found

    def one_dynamic(self, here, name, one, kind, scope):
        for unknown in set(one) - {"for_each", "iterator", "labels", "content"}:
            self.fault(here, f"no argument named {unknown!r}")
        if "for_each" not in one or not isinstance(one.get("content"), dict):
            return self.fault(here, "for_each and content are required")
        over = self.meaning.of(one["for_each"], scope, self.file, here)
        item = types.item(over) if over[0] in ("list", "map", "object") else types.ANY
        iterator = ("object", {"key": ("any", False), "value": (item, False)})
        inner = scope.with_names({one.get("iterator", name): iterator})
        self.blocks(f"{here}.content", one["content"], kind, inner)


def simple(kind):
    """A provider's type as that of a variable: what is in objects is checked where they are written out."""
    if isinstance(kind, str):
        return kind
    return types.ANY if kind[0] == "struct" else (kind[0], simple(kind[1]))


def check_lifecycle(meaning, schema, scope, body, file, address):
    """The `lifecycle` of a resource, which is of literals but for its conditions."""
    here, faults = f"{address}.lifecycle", meaning.module.faults
    kept = body.get("lifecycle", {})
    if not isinstance(kept, dict):
        return faults.add(file, here, "an object is expected")
    for name, value in kept.items():
        if name not in MEANT["lifecycle"]:
            faults.add(file, here, f"no argument named {name!r}")
        elif name in ("prevent_destroy", "create_before_destroy") and not isinstance(value, bool):
            faults.add(file, f"{here}.{name}", "a literal true or false is expected")
        elif name in ("precondition", "postcondition"):
            meaning.of(value, scope.with_names({"self": types.ANY}), file, f"{here}.{name}")
        elif name == "ignore_changes":
            for ignored in value if isinstance(value, list) else []:
                if re.split(r"[.\[]", ignored)[0] not in schema.arguments:
                    faults.add(file, f"{here}.{name}", f"no argument named {ignored!r}")

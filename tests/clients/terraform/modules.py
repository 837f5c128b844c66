"""A module of Terraform: what the `*.tf.json` files of a folder declare, each thing with its file."""

import json
import re
from pathlib import Path

LABEL = re.compile(r"[A-Za-z_][\w-]*\Z")
# How many labels stand before the body of what may be declared, and what a body may have where no provider says it.
DECLARED = {"variable": 1, "output": 1, "module": 1, "provider": 1, "resource": 2, "data": 2}
OTHERS = ("terraform", "locals", "moved", "import", "removed", "//")
MEANT = {
    "variable": {"type", "description", "default", "sensitive", "nullable", "ephemeral", "validation"},
    "output": {"value", "description", "sensitive", "ephemeral", "depends_on", "precondition"},
    "terraform": {"required_version", "required_providers", "backend", "cloud", "experiments", "provider_meta"},
    "moved": {"from", "to"},
    "import": {"to", "id", "for_each", "provider"},
    "removed": {"from", "lifecycle"},
    "lifecycle": {
        *("create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"),
        *("precondition", "postcondition"),
    },
}
# What every resource and every call of a module takes beside its own arguments.
OF_RESOURCES = {"provider", "depends_on", "count", "for_each", "lifecycle"}
OF_CALLS = {"source", "version", "providers", "depends_on", "count", "for_each"}


class Faults:
    """What is wrong, a line each: the file, the address in it, what."""

    def __init__(self):
        self.lines = []

    def add(self, file, address, what):
        line = f"{file}: {address}: {what}"
        if line not in self.lines:
            self.lines.append(line)


class Module:
    """What a folder declares: of each kind the bodies by their addresses."""

    def __init__(self, root, folder, faults):
        self.root, self.folder, self.faults = root, folder, faults
        self.name = folder.relative_to(root).as_posix()
        self.is_called = self.name.startswith("modules/")
        self.variables, self.outputs, self.calls, self.locals = {}, {}, {}, {}
        self.resources, self.data, self.providers = {}, {}, {}
        self.required, self.aliases, self.backends, self.forgotten = {}, set(), {}, {}
        self.places = {"variable": self.variables, "output": self.outputs, "module": self.calls}
        self.places |= {"resource": self.resources, "data": self.data, "provider": self.providers}
        for path in sorted(folder.glob("*.tf.json")):
            self._read(path.relative_to(root).as_posix(), path)

    def _read(self, file, path):
        def once(pairs):
            found = {}
            for key, value in pairs:
                if key in found and key != "//":
                    self.faults.add(file, key, "stands twice in an object")
                found[key] = value
            return found

        try:
            documents = json.loads(path.read_text(), object_pairs_hook=once)
        except ValueError as error:
            return self.faults.add(file, "-", f"is not JSON: {error}")
        for document in documents if isinstance(documents, list) else [documents]:
            if not isinstance(document, dict):
                self.faults.add(file, "-", f"an object is expected, not {type(document).__name__}")
                continue
            for kind, body in document.items():
                self._block(file, kind, body)

    def _block(self, file, kind, body):
        if kind not in DECLARED and kind not in OTHERS:
            return self.faults.add(file, kind, "is no block of Terraform that is known here")
        if kind in DECLARED:
            return self._declare(file, kind, (), body)
        for one in body if isinstance(body, list) else [body]:
            if kind != "//" and not isinstance(one, dict):
                self.faults.add(file, kind, f"an object is expected, not {type(one).__name__}")
            elif kind == "locals":
                for name, value in one.items():
                    self._put(file, self.locals, name, f"local.{name}", value)
            elif kind == "terraform":
                self._terraform(file, one)
            elif kind in ("removed", "moved", "import"):
                self._only(file, kind, one)
                if kind == "removed":
                    self._removed(file, one)

    def _declare(self, file, kind, labels, body):
        """Goes down the labels of a block to its bodies."""
        if len(labels) == DECLARED[kind]:
            return self._body(file, kind, labels, body)
        if not isinstance(body, dict):
            return self.faults.add(file, ".".join((kind, *labels)), f"names are expected, not {type(body).__name__}")
        for label, inner in body.items():
            if label == "//":
                continue
            if not LABEL.match(label):
                self.faults.add(file, ".".join((kind, *labels)), f"{label!r} is no name")
            self._declare(file, kind, (*labels, label), inner)

    def _body(self, file, kind, labels, body):
        if kind == "provider" and isinstance(body, list):
            for one in body:
                self._body(file, kind, labels, one)
            return
        address = ".".join(labels if kind == "resource" else (kind, *labels))
        if not isinstance(body, dict):
            return self.faults.add(file, address, f"an object is expected, not {type(body).__name__}")
        key = ".".join(labels)
        if kind == "provider":
            key += f".{body['alias']}" if "alias" in body else ""
        if kind in MEANT:
            self._only(file, address, body, kind)
        self._put(file, self.places[kind], key, address, body)

    def _put(self, file, place, key, address, body):
        if key in place:
            self.faults.add(file, address, f"is declared a second time, after {place[key][0]}")
        place[key] = (file, body)

    def _only(self, file, address, body, kind=None):
        for name in set(body) - MEANT[kind or address] - {"//"}:
            self.faults.add(file, address, f"no argument named {name!r}")

    def _removed(self, file, body):
        if not isinstance(body.get("from"), str):
            self.faults.add(file, "removed", "does not say what: `from`")
        self.forgotten[str(body.get("from"))] = file
        kept = body.get("lifecycle")
        if not isinstance(kept, dict) or kept.get("destroy") is not False:
            self.faults.add(file, f"removed {body.get('from')}", "destroys what it forgets: `lifecycle.destroy` is not false")

    def _terraform(self, file, body):
        self._only(file, "terraform", body)
        for name, of in body.get("required_providers", {}).items():
            if not isinstance(of, dict):
                self.faults.add(file, f"required_providers.{name}", "has no source and version")
                continue
            self._put(file, self.required, name, f"required_providers.{name}", of)
            self.aliases.update(of.get("configuration_aliases", []))
            for unknown in set(of) - {"source", "version", "configuration_aliases"}:
                self.faults.add(file, f"required_providers.{name}", f"no argument named {unknown!r}")
        for name, of in body.get("backend", {}).items():
            self._put(file, self.backends, name, f"backend.{name}", of)

    def source(self, call):
        """The folder that a call of a module names, as a path from the root of the tree; None where it names none of this tree."""
        source = call.get("source")
        if not isinstance(source, str) or not source.startswith(("./", "../")):
            return None
        path = Path(self.folder, source).resolve()
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else None


def load(root, faults):
    """Every module of a tree, by its folder."""
    root = Path(root).resolve()
    folders = sorted({path.parent for path in root.rglob("*.tf.json")})
    return {module.name: module for module in (Module(root, folder, faults) for folder in folders)}

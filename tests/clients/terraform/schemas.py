"""The arguments of Terraform's providers, from packages of npm: every resource, every data source, every nested block.

usage: schemas.py FOLDER     fetches those of PACKAGES that are not in the folder yet

HashiCorp wrote typed bindings of each provider until the versions below: `lib/*/index.d.ts` of a package says of each argument its name
in Terraform (in the link to its documentation), whether it may be left out, its type and whether it is a block; and of each attribute
that it can be read. A package is hundreds of MB unpacked. So its archive is read as a stream, only declarations are looked at, and what
they say is kept as a zip with an entry for each resource, which is opened when it is asked for. `package.json` stays beside it, where npm
would have put it.
"""

import functools
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

# The name in Terraform, and the version of the package. Each is the last one there is of its provider.
PACKAGES = {"azurerm": "14.23.1", "databricks": "15.16.1", "aws": "21.22.1", "google": "16.12.1"}
# What the zip has: other than this, it is made anew.
FORM = 2

INTERFACE = re.compile(r"^export interface (\w+)(?: extends [^{]+)? \{\n(.*?)^\}", re.M | re.S)
MEMBER = re.compile(r"(?:/\*\*((?:(?!\*/).)*)\*/\s*)?readonly (\w+)(\??): (.*?);\n(?=\s*(?:/\*\*|readonly |\Z))", re.S)
LINKED = re.compile(r"\{@link \S+ \w+#([\w-]+)\}")
CLASS = re.compile(r"^export declare class (\w+) extends cdktf\.(\w+) \{\n(.*?)^\}", re.M | re.S)
READ = re.compile(r"^    get (\w+)\(\): (.*?);", re.M)
ITEM = re.compile(r"^    get\((?:index|key): \w+\): (\w+);", re.M)
KIND = re.compile(r'static readonly tfResourceType = "(\w+)"')
CONFIG = re.compile(r"constructor\(scope: Construct, id: string, config\??: (\w+)\)")
# Of an `id` that is there because every resource has one: nobody may set it. Data sources may be found by theirs.
AUTOMATIC = "the id field is automatically added"
GROUPS = {"TerraformResource": "resource", "TerraformDataSource": "data", "TerraformProvider": "provider"}


def package(provider):
    return f"@cdktf/provider-{provider}"


def read_type(text, structs):
    """A type of TypeScript as a word, or a list that begins with a word: list, map, struct."""
    text = re.sub(r"\s+", " ", text.strip())
    text = re.sub(r"cdktf\.IResolvable \| | \| cdktf\.IResolvable|cdktf\.IResolvable", "", text).strip()
    if text.startswith("Array<") and text.endswith(">"):
        return ["list", read_type(text[6:-1], structs)]
    if text.endswith("[]"):
        return ["list", read_type(text[:-2], structs)]
    if text.startswith("(") and text.endswith(")"):
        return read_type(text[1:-1], structs)
    if mapped := re.fullmatch(r"\{ \[key: string\]: (.*?);? \}", text):
        return ["map", read_type(mapped[1], structs)]
    if text in ("string", "number", "any"):
        return text
    if text == "boolean":
        return "bool"
    assert text in structs, f"a type that is not known: {text!r}"
    return ["struct", text]


def read_interface(body, names, is_resource=False):
    """The arguments of an interface: of each whether it is required, whether it is a block, and its type."""
    found = {}
    for comment, name, optional, kind in MEMBER.findall(body):
        linked = LINKED.search(comment)
        # Only the provider's own `alias` has no link.
        argument = linked[1] if linked else re.sub(r"([A-Z])", lambda upper: "_" + upper[1].lower(), name)
        if not (is_resource and optional and AUTOMATIC in comment):
            found[argument] = [not optional, f"* {argument} block\n" in comment, read_type(kind, names)]
    return found


def read_folder(text):
    """What the declarations of one resource say: its group, its type in Terraform, and all that is known of it."""
    interfaces = dict(INTERFACE.findall(text))
    structs = {name: read_interface(body, interfaces) for name, body in interfaces.items()}
    classes = {name: (base, body) for name, base, body in CLASS.findall(text)}
    # What can be read of each, by names in lower case without underscores: `ipv4Address` does not tell where its underscores were.
    reads, items = {}, {}
    for name, (base, body) in classes.items():
        got = {}
        for attribute, kind in READ.findall(body):
            kind = kind.replace(" | cdktf.IResolvable", "")
            got[attribute.lower()] = kind if kind in classes else ""
        reads[name] = {key: kind for key, kind in got.items() if not (key.endswith("input") and key[:-5] in got)}
        if item := ITEM.search(body):
            items[name] = item[1]
    for name, (base, body) in classes.items():
        if base in GROUPS:
            config = CONFIG.search(body)[1]
            own = {config: read_interface(interfaces[config], interfaces, base == "TerraformResource")}
            known = {"config": config, "class": name, "structs": {**structs, **own}, "reads": reads, "items": items}
            yield GROUPS[base], KIND.search(body)[1], known


def derive(archive, out):
    """Writes the zip of a package's archive, and returns its `package.json`."""
    folders = defaultdict(list)
    with tarfile.open(archive, "r:gz") as files:
        for file in files:
            if file.name == "package/package.json":
                described = json.load(files.extractfile(file))
            if file.name.startswith("package/lib/") and file.name.endswith(".d.ts"):
                folders[file.name.split("/")[2]].append(files.extractfile(file).read().decode())
    count = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as entries:
        entries.writestr("about", json.dumps({"form": FORM, **described["cdktf"]["provider"]}))
        for texts in folders.values():
            for group, kind, known in read_folder("\n".join(texts)):
                entries.writestr(f"{group}/{kind}", json.dumps(known, separators=(",", ":")))
                count += 1
    assert count > 100, f"only {count} resources in {archive}"
    return described


def fetch(folder, provider, version):
    """Fetches one package by npm, unless what it says is there."""
    place = Path(folder, "node_modules", package(provider))
    kept = place / "schema.zip"
    try:
        with zipfile.ZipFile(kept) as entries:
            about = json.loads(entries.read("about"))
        if about["form"] == FORM and json.loads((place / "package.json").read_text())["version"] == version:
            return
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        pass  # It is not there, or not as a whole.
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as here:
        command = ["npm", "pack", "--silent", f"{package(provider)}@{version}"]
        subprocess.run(command, cwd=here, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(here).glob("*.tgz")
        described = derive(archive, Path(here, "schema.zip"))
        assert described["version"] == version, f"npm packed {described['version']} of {provider}"
        Path(here, "schema.zip").replace(kept)
        # Last: with it all is there.
        (place / "package.json").write_text(json.dumps(described, indent=2) + "\n")


class Schema:
    """What is known of one resource, data source or provider."""

    def __init__(self, known):
        self.structs, self.reads, self.items = known["structs"], known["reads"], known["items"]
        self.arguments, self.top = self.structs[known["config"]], known["class"]

    def readable(self, of, attribute):
        """What an attribute of a class is: the name of a class, "" where it ends, None where there is no such attribute."""
        word = attribute.replace("_", "").replace("-", "").lower()
        got = self.reads[of]
        # Words that every construct of the bindings has of its own were given another end there.
        return next((got[name] for name in (word, word + "attribute") if name in got), None)


class Provider:
    """A provider's resources, opened as they are asked for."""

    def __init__(self, folder, name):
        self.name = name
        self.entries = zipfile.ZipFile(Path(folder, "node_modules", package(name), "schema.zip"))
        about = json.loads(self.entries.read("about"))
        self.version, self.source = about["version"], about["name"].removeprefix("registry.terraform.io/")

    @functools.cache
    def of(self, group, kind):
        """A resource, a data source or the provider itself (whose kind is its name); None where there is none."""
        try:
            return Schema(json.loads(self.entries.read(f"{group}/{kind}")))
        except KeyError:
            return None


def all_of(folder):
    """Every provider, by its name in Terraform."""
    return {name: Provider(folder, name) for name in PACKAGES}


if __name__ == "__main__":
    for name, wanted in PACKAGES.items():
        fetch(sys.argv[1], name, wanted)

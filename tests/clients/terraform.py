"""Landing zones as Terraform: `polder export terraform` for meshes at every provider, the football example among them, and every argument
of what it writes beside what the providers take. The arguments are those that HashiCorp's typed bindings on npm tell of; Terraform's
registry is not asked for anything.

POLDER_PROGRAM    the polder program
POLDER_SCHEMAS    where terraform/schemas.py put what it fetched: by default `terraform-schemas`, beside the folder of this Python

Terraform reads the trees as well, as far as it goes without providers, where it or OpenTofu is on the path.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[0] = os.path.join(sys.path[0], "terraform")

import broken
import meshes
import schemas
from check import Tree, functions, terraform

PROGRAM = os.environ["POLDER_PROGRAM"]
OUTSIDE = {name: value for name, value in os.environ.items() if name not in ("POLDER_SERVER", "POLDER_TOKEN")}
# Where the files are that the football example loads: it is asked for, and nothing is read there.
OUTSIDE["FOOTBALL"] = "/nowhere"

# The folders of modules that something calls, in any tree, and those that there are.
CALLED = set()
WRITTEN = Path(__file__).parents[2] / "crates/polder-terraform"
FOOTBALL = Path(__file__).parents[2] / "examples/football"

failed = 0


def check(fact, faults):
    """One line for a check, and below it what is wrong."""
    global failed
    failed += bool(faults)
    print(f"{'FAIL' if faults else 'ok  '}  {fact}", flush=True)
    for line in faults[:40]:
        print(f"        {line}", flush=True)
    if len(faults) > 40:
        print(f"        and {len(faults) - 40} more", flush=True)


def polder(mesh, *arguments):
    command = [PROGRAM, "--dir", mesh, *arguments]
    return subprocess.run([str(word) for word in command], env=OUTSIDE, capture_output=True, text=True)


def well(mesh, *arguments):
    done = polder(mesh, *arguments)
    assert done.returncode == 0, f"polder {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
    return done.stdout


def tree_faults(root):
    tree = Tree(root, PROVIDERS, FUNCTIONS)
    CALLED.update(module.source(call) for module in tree.modules.values() for _, call in module.calls.values())
    return tree.check()


def once(faults_of_trees):
    """What is wrong in any of the trees: environments have much in common."""
    return list(dict.fromkeys(line for faults in faults_of_trees for line in faults))


def read_by_terraform(root, away):
    """What Terraform says of each root when it reads it with the modules that it calls."""
    copy = Path(away, "read")
    shutil.copytree(root, copy)
    roots = sorted({path.parent for path in copy.rglob("*.tf.json") if path.relative_to(copy).parts[0] != "modules"})

    def read(folder):
        command = [terraform(), f"-chdir={folder}", "get", "-no-color"]
        done = subprocess.run(command, env={**OUTSIDE, "CHECKPOINT_DISABLE": "1"}, capture_output=True, text=True)
        return [f"{folder.relative_to(copy)}: {done.stderr[-600:]}"] if done.returncode else []

    with ThreadPoolExecutor() as threads:
        faults = [line for lines in threads.map(read, roots) for line in lines]
    shutil.rmtree(copy)
    return faults


def export(name, files, environments, folder):
    """Exports the environments of a mesh, and checks the trees. Returns these by their environments."""
    trees = {environment: Path(folder, environment) for environment in environments}
    for environment, tree in trees.items():
        done = polder(files, "export", "terraform", "-e", environment, "--out", tree)
        if done.returncode:
            check(f"{name}: {environment} is exported", (done.stdout + done.stderr).splitlines())
            return None
    check(f"{name}: providers take what is written", once(tree_faults(tree) for tree in trees.values()))
    if terraform():
        check(f"{name}: Terraform reads it", once(read_by_terraform(tree, folder) for tree in trees.values()))
    return trees


def check_mesh(mesh, folder):
    """Exports every environment of a mesh, and then without one of its domains. Returns a tree of all of them."""
    files = Path(folder, "mesh")
    mesh.write(files)
    well(files, "zones", "--allocate")
    trees = export(mesh.name, files, meshes.ENVIRONMENTS, folder)
    if not trees:
        return None
    # A domain goes: what it made is forgotten, and all else is as it was.
    shutil.rmtree(Path(files, "domains/live_odds"))
    grants = [grant for grant in meshes.GRANTS if "live_odds" not in json.dumps(grant)]
    Path(files, "access/all.yaml").write_text(json.dumps({"grants": grants}))
    before = Path(folder, "before")
    shutil.copytree(trees["dev"], before)
    said = well(files, "export", "terraform", "-e", "dev", "--out", trees["dev"])
    faults = tree_faults(trees["dev"])
    if "destroys nothing" not in said:
        faults.append(f"nothing is said of what is forgotten: {said}")
    if terraform():
        faults += read_by_terraform(trees["dev"], folder)
    check(f"{mesh.name}: a domain that goes is forgotten", faults)
    return before


def football(folder, provider=None, more=""):
    """Writes the football example: as it is, with domains at AWS and Azure, or with all of them at one provider."""
    files = Path(folder, "mesh")
    shutil.copytree(FOOTBALL, files, ignore=shutil.ignore_patterns(".polder"))
    if provider:
        Path(files, "addresses.yaml").unlink()
        main = Path(files, "polder.yaml")
        settings = f"providers: {{{provider}: {{region: {meshes.REGIONS[provider]}}}}}"
        text, found = re.subn(r"providers: {(?:[^{}]|{[^{}]*})*}", settings, main.read_text())
        assert found, f"{main} declares no providers"
        main.write_text(text + more)
        for file in files.glob("domains/*/datasets/*.yaml"):
            file.write_text(re.sub(r"provider: [a-z |]+", f"provider: {provider}", file.read_text()))
    return files


def check_football(away):
    """Exports both environments of the football example, at every provider."""
    files = football(Path(away, "as it is"))
    given = Path(files, "addresses.yaml").read_text()
    changed = well(files, "zones", "--allocate") and Path(files, "addresses.yaml").read_text() != given
    check("football: addresses.yaml is what polder gives out", ["`polder zones --allocate` changes it"] if changed else [])
    meshes_of_football = {"as it is": (files, {"aws", "azure"})}
    for name, changes in {
        "azure": ("azure",),
        "aws, databricks": ("aws",),
        "aws, native": ("aws", "conventions: {awsPlatform: native}\n"),
        "gcp": ("gcp",),
    }.items():
        files = football(Path(away, name), *changes)
        well(files, "zones", "--allocate")
        meshes_of_football[name] = (files, {changes[0]})
    for name, (files, providers) in meshes_of_football.items():
        for tree in (export(f"football, {name}", files, ["dev", "prod"], files.parent) or {}).values():
            found = {zone.name.rpartition("-")[2] for zone in tree.glob("landing/*")}
            assert found == providers, f"football, {name}: its zones are at {found}"


def check_ways(root):
    """Breaks a tree in every way that is known, and sees that each is found."""
    known, missed = tree_faults(root), []
    for what, file, told, function in broken.WAYS:
        mend = broken.breaking(root, file, function)
        new = [line for line in tree_faults(root) if line not in known]
        mend()
        if not any(all(words in line for words in told) for line in new):
            missed.append(f"{what}: {told} is not among {new}")
    check(f"a tree that is broken in one of {len(broken.WAYS)} ways is found out", missed)


PROVIDERS = schemas.all_of(os.environ.get("POLDER_SCHEMAS") or Path(sys.prefix).parent / "terraform-schemas")
FUNCTIONS = functions()
if not terraform():
    print("NOTE  neither terraform nor tofu is on the path: no function's name is checked, and no tree is read by the program itself")

with tempfile.TemporaryDirectory(prefix="polder-terraform-") as scratch:
    exported = []
    for at, mesh in enumerate(meshes.all_of()):
        folder = Path(scratch, str(at))
        folder.mkdir()
        exported.append(check_mesh(mesh, folder))
    check_ways(exported[0])
    check_football(Path(scratch, "football"))
    modules = {path.parent.relative_to(WRITTEN).as_posix() for path in WRITTEN.glob("modules/**/*.tf.json")}
    check("each module is called in the tree of some mesh", sorted(modules - CALLED))
sys.exit(1 if failed else 0)

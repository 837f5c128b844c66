#!/usr/bin/env python3
"""Writes the files of a betting company's mesh: 2 tenants, 3 environments, 85 departments, 250 domains, 20,000 datasets.

usage: generate.py DIR [--domains N] [--datasets N] [--fits]

The same arguments write the same files, byte for byte. With --fits the layout is the one that `polder zones` proposes.
"""
import argparse
import pathlib

LINES = ["sports", "casino", "poker", "bingo", "lottery", "racing", "esports", "payments", "risk", "identity", "marketing",
         "affiliates", "retail", "support", "finance", "legal", "people"]
PLACES = ["central", "north", "south", "east", "west"]
NOUNS = ["odds", "bets", "players", "wallets", "sessions", "events", "limits", "offers", "ledgers", "alerts"]
LAYERS = ["bronze", "silver", "gold"]
COLUMNS = [("id", "bigint", False), ("occurred_at", "timestamp", False), ("country", "string", False), ("amount", "decimal(12,2)", False),
           ("email", "string", True)]


def departments():
    return [f"{line}_{place}" for line in LINES for place in PLACES]


def domains(count):
    """Each domain with its department: the larger departments have more."""
    names = departments()
    found = []
    for at in range(count):
        department = names[(at * at + at) // 2 % len(names)] if at >= len(names) else names[at]
        found.append((f"{department}_{NOUNS[at // len(names) % len(NOUNS)]}{at:03}", department))
    return found


def organization(found, fits):
    groups = "\n".join(f"  - {{name: {name}_owners, members: [ana@bets.example]}}" for name, _ in found)
    listed = ", ".join(departments())
    conventions = "conventions:\n  tags: {company: betting}\n"
    ranges = "{dev: [10.0.0.0/18], stg: [10.0.64.0/18], prod: [10.0.128.0/17]}"
    if fits:
        conventions = "conventions:\n  workspaces: {per: department, among: 25}\n  tags: {company: betting}\n"
        ranges = "{dev: [10.0.0.0/16], stg: [10.2.0.0/15], prod: [10.4.0.0/14]}"
    return f"""# yaml-language-server: $schema=.polder/schema/polder.json
organization: Betting
tenants: [nonprod, production]
environments:
  - {{name: dev, tenant: nonprod}}
  - {{name: stg, tenant: nonprod}}
  - {{name: prod, tenant: production, production: true}}
departments: [{listed}]
providers: {{azure: {{region: westeurope}}}}
network:
  ranges: {ranges}
  elsewhere: [10.0.32.0/22, 192.168.0.0/16]
  reservePercent: 50
{conventions}quotas: {{growthPercentPerYear: 40}}
users: [ana@bets.example]
servicePrincipals: [deployer]
groups:
{groups}
"""


def domain(name, department, at):
    nodes = 4 + at * 7 % 61
    return f"""# yaml-language-server: $schema=../../.polder/schema/domain.json
department: {department}
owner: {name}_owners
description: domain number {at} of the reference mesh
servicePrincipals: [{name}_jobs]
workspace: {{nodes: {nodes}}}
environments:
  dev: {{workspace: {{nodes: 4}}}}
"""


def dataset(name, layer):
    columns = "\n".join(
        f"  - {{name: {column}, type: \"{kind}\"{', tags: [pii]' if pii else ''}}}" for column, kind, pii in COLUMNS)
    return f"""version: v3
type: parallelread
entityName: {name}
entityVersion: v1
description: {name} of the reference mesh
coldStorage:
  format: delta
  location: {{prefix: {layer}, provider: azure}}
columns:
{columns}
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--domains", type=int, default=250)
    parser.add_argument("--datasets", type=int, default=20_000)
    parser.add_argument("--fits", action="store_true")
    asked = parser.parse_args()
    found = domains(asked.domains)
    write(asked.dir / "polder.yaml", organization(found, asked.fits))
    for at, (name, department) in enumerate(found):
        write(asked.dir / "domains" / name / "domain.yaml", domain(name, department, at))
    # One domain more has none of the others' datasets.
    with_datasets = found[:250]
    for at in range(asked.datasets):
        name, _ = with_datasets[at % len(with_datasets)]
        number = at // len(with_datasets)
        entity = f"{NOUNS[number % len(NOUNS)]}_{number:03}"
        write(asked.dir / "domains" / name / "datasets" / f"{entity}.yaml", dataset(entity, LAYERS[number % len(LAYERS)]))
    print(f"{len(departments())} departments, {len(found)} domains and {asked.datasets} datasets in {asked.dir}")


if __name__ == "__main__":
    main()

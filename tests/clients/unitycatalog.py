"""unitycatalog-client, the client that is generated from the specification: all that it knows."""

import asyncio
import os
import sys

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

from unitycatalog import client as uc
from catalog_checks import *


def api(kind, token):
    # The client sends no Authorization of its own accord.
    configuration = uc.Configuration(host=UNITY)
    return kind(uc.ApiClient(configuration, header_name="Authorization", header_value=f"Bearer {token}"))


def run(call):
    async def awaited():
        return await call()

    return loop.run_until_complete(awaited())


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


async def clients():
    # Sessions are made where a loop runs.
    kinds = dict(
        catalogs=uc.CatalogsApi,
        schemas=uc.SchemasApi,
        tables=uc.TablesApi,
        volumes=uc.VolumesApi,
        functions=uc.FunctionsApi,
        grants=uc.GrantsApi,
        credentials=uc.TemporaryCredentialsApi,
    )
    return [{name: api(kind, token) for name, kind in kinds.items()} for token in (TOKEN, MAKER)]


reader, maker = loop.run_until_complete(clients())


@check("lists catalogs, schemas, tables and volumes, in pages too")
def _():
    assert CATALOG in [catalog.name for catalog in run(lambda: reader["catalogs"].list_catalogs()).catalogs]
    assert SCHEMA in [schema.name for schema in run(lambda: reader["schemas"].list_schemas(CATALOG)).schemas]
    names, token = [], None
    while True:
        page = run(lambda: reader["tables"].list_tables(CATALOG, SCHEMA, max_results=1, page_token=token))
        names += [table.name for table in page.tables]
        token = page.next_page_token
        if not token:
            break
    assert NAME in names and names == sorted(set(names))
    whole = run(lambda: reader["tables"].list_tables(CATALOG, SCHEMA, max_results=0))
    assert [table.name for table in whole.tables] == names
    run(lambda: reader["volumes"].list_volumes(CATALOG, SCHEMA))
    assert run(lambda: reader["functions"].list_functions(CATALOG, SCHEMA)).functions == []


@check("loads a table")
def _():
    table = run(lambda: reader["tables"].get_table(TABLE))
    assert table.table_id and table.columns and table.storage_location and table.created_at


@check("is handed files that it may read whole, and no others")
def _():
    table = run(lambda: reader["tables"].get_table(TABLE))
    asked = uc.GenerateTemporaryTableCredential(table_id=table.table_id, operation="READ")
    assert run(lambda: reader["credentials"].generate_temporary_table_credentials(asked)).expiration_time
    masked = run(lambda: reader["tables"].get_table(MASKED))
    asked_masked = uc.GenerateTemporaryTableCredential(table_id=masked.table_id, operation="READ")
    refused(lambda: run(lambda: reader["credentials"].generate_temporary_table_credentials(asked_masked)), "403")
    asked_write = uc.GenerateTemporaryTableCredential(table_id=table.table_id, operation="READ_WRITE")
    refused(lambda: run(lambda: reader["credentials"].generate_temporary_table_credentials(asked_write)), "403")


@check("reads grants")
def _():
    run(lambda: reader["grants"].get("catalog", CATALOG))


@check("makes, changes and drops a catalog, a schema and a volume")
def _():
    made = run(lambda: maker["catalogs"].create_catalog(uc.CreateCatalog(name="generated", properties={"a": "b"})))
    assert made.id and made.properties == {"a": "b"}
    run(lambda: maker["schemas"].create_schema(uc.CreateSchema(name="s", catalog_name="generated")))
    again = uc.CreateSchema(name="s", catalog_name="generated")
    refused(lambda: run(lambda: maker["schemas"].create_schema(again)), "SCHEMA_ALREADY_EXISTS")
    changed = run(lambda: maker["schemas"].update_schema("generated.s", uc.UpdateSchema(comment="changed")))
    assert changed.comment == "changed"
    new = uc.CreateVolumeRequestContent(catalog_name="generated", schema_name="s", name="v", volume_type="MANAGED")
    volume = run(lambda: maker["volumes"].create_volume(new))
    asked = uc.GenerateTemporaryVolumeCredential(volume_id=volume.volume_id, operation="WRITE_VOLUME")
    assert run(lambda: maker["credentials"].generate_temporary_volume_credentials(asked)).expiration_time
    change = uc.UpdatePermissions(changes=[uc.PermissionsChange(principal=GROUP, add=["USE CATALOG"], remove=[])])
    granted = run(lambda: maker["grants"].update("catalog", "generated", change))
    assert [one.principal for one in granted.privilege_assignments] == [GROUP]
    assert "generated" in [catalog.name for catalog in run(lambda: reader["catalogs"].list_catalogs()).catalogs]
    refused(lambda: run(lambda: maker["catalogs"].delete_catalog("generated")), "409")
    run(lambda: maker["catalogs"].delete_catalog("generated", force=True))
    refused(lambda: run(lambda: maker["catalogs"].get_catalog("generated")), "CATALOG_NOT_FOUND")


@check("is told of what is absent, and of hostile names")
def _():
    for name in ("absent.b.c", "../../etc/passwd", "a'b.c.d", "a\u5b57.b.c", "x" * 2000):
        refused(lambda: run(lambda: reader["tables"].get_table(name)), "TABLE_NOT_FOUND")


for apis in (reader, maker):
    for one in apis.values():
        loop.run_until_complete(one.api_client.close())
end()

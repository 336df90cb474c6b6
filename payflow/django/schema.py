"""Models and migrations from the one description of the tables (:mod:`payflow.stores.schema`)."""

from __future__ import annotations

import time
from typing import Any

from django.db import models
from django.db.migrations import CreateModel, SeparateDatabaseAndState
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.operations import AddField
from django.db.migrations.operations.base import Operation

from ..stores import migrations
from ..stores.schema import NAME_LENGTH, OPERATOR_ACTION, TABLES, TableSchema
from .store import dialect_of

#: What may be given to members of staff besides looking (see ``desk``).
PERMISSIONS = (
    ("query_payment", "Can ask the gateway about a payment"), ("refund_payment", "Can refund a payment"),
    ("resolve_incident", "Can settle an incident"), ("replay_message", "Can send messages again"),
    ("run_refill", "Can run refills"), ("change_refill_policy", "Can change a refill policy"),
)  # fmt: skip


def model_name(table: TableSchema) -> str:
    """``pf_recon_item`` is ``ReconItem``."""
    return "".join(part.title() for part in table.name.removeprefix("pf_").split("_"))


def field_of(table: TableSchema, column: str) -> Any:
    """One column as Django sees it: whole numbers and text, like everywhere in payflow."""
    null = table.may_be_null(column)
    if table.key == (column,):
        return models.CharField(max_length=NAME_LENGTH, primary_key=True, editable=False, serialize=False)
    if table.is_number(column):
        return models.BigIntegerField(null=null, editable=False)
    if column in table.texts:
        return models.TextField(null=null, editable=False)
    return models.CharField(max_length=NAME_LENGTH, null=null, editable=False)


def fields_of(table: TableSchema, version: int | None = None) -> dict[str, Any]:
    """Its columns as fields, with its key; as they were when the schema had this version."""
    columns = table.columns if version is None else table.columns_of(version)
    fields = {column: field_of(table, column) for column in columns}
    if len(table.key) > 1:
        fields["pk"] = models.CompositePrimaryKey(*table.key, serialize=False)
    return fields


def options_of(table: TableSchema) -> dict[str, Any]:
    """The ``Meta`` of its model."""
    words = table.name.removeprefix("pf_").replace("_", " ")
    options: dict[str, Any] = {"db_table": table.name, "verbose_name": words, "default_permissions": ("view",)}
    if table is OPERATOR_ACTION:
        options["permissions"] = PERMISSIONS
    return options


class SchemaStep(Operation):
    """One step of payflow's own migrations, on Django's connection: the tables are the same whoever made them.

    A step that ``payflow migrate`` has done already is left as it is. There is no way back: a migration does not drop
    the records of money.
    """

    reversible = False
    reduces_to_sql = True

    def __init__(self, version: int) -> None:
        self.version = version

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.version], {})

    def state_forwards(self, app_label: str, state: Any) -> None:
        """What the models are stands beside it."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:  # noqa: ARG002
        """Run the step's statements."""
        dialect = dialect_of(schema_editor.connection.alias)
        schema_editor.execute(migrations.REGISTER, params=None)
        if not schema_editor.collect_sql and self._done(schema_editor.connection):
            return
        for statement in migrations.STEPS[self.version - 1](dialect):
            schema_editor.execute(statement, params=None)
        now = time.time_ns() // 1000
        schema_editor.execute(
            f"insert into pf_schema (version, applied_at) values ({self.version}, {now})",  # noqa: S608 -- two numbers
            params=None,
        )

    def _done(self, connection: Any) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pf_schema where version = %s", [self.version])
            return bool(cursor.fetchone()[0])

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:  # noqa: ARG002
        raise IrreversibleError("The tables of payments are not dropped by a migration")

    def describe(self) -> str:
        return f"payflow schema version {self.version}"


def operations_of(version: int) -> list[Operation]:
    """A migration's operations: the step, and what it made of the models."""
    state: list[Operation] = []
    for table in TABLES:
        if table.since == version:
            fields = list(fields_of(table, version).items())
            state.append(CreateModel(model_name(table), fields, options_of(table)))
        else:
            state += [
                AddField(model_name(table), column, field_of(table, column))
                for column, since in table.later.items()
                if since == version
            ]
    return [SeparateDatabaseAndState([SchemaStep(version)], state)]

"""One description of the tables: models, Django's migrations and payflow's own make the same schema."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections, models
from django.db.migrations.loader import MigrationLoader

from payflow.django.models import MODELS, ReadOnly
from payflow.stores import SqlStore, open_store
from payflow.stores.migrations import VERSION
from payflow.stores.schema import TABLES

from .conftest import KINDS, Host

COLUMNS = {
    "sqlite": 'select m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk from sqlite_master m '
    "join pragma_table_info(m.name) p where m.name like 'pf_%' and m.type = 'table' order by 1, 2",
    "postgresql": "select table_name, column_name, data_type, is_nullable, character_maximum_length, collation_name, "
    "column_default from information_schema.columns where table_name like 'pf_%' order by 1, 2",
    "mariadb": "select table_name, column_name, column_type, is_nullable, collation_name, column_default "
    "from information_schema.columns where table_schema = database() and table_name like 'pf\\_%' order by 1, 2",
}
INDEXES = {
    "sqlite": "select tbl_name, name, sql from sqlite_master where tbl_name like 'pf_%' order by 1, 2",
    "postgresql": "select tablename, indexname, indexdef from pg_indexes where tablename like 'pf_%' order by 1, 2",
    "mariadb": "select table_name, index_name, non_unique, seq_in_index, column_name "
    "from information_schema.statistics "
    "where table_schema = database() and table_name like 'pf\\_%' order by 1, 2, 4",
}
CHECKS = {
    "sqlite": "select 1",
    "postgresql": "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint "
    "where conrelid::regclass::text like 'pf_%' order by 1, 2",
    "mariadb": "select table_name, constraint_name, check_clause from information_schema.check_constraints "
    "where constraint_schema = database() and table_name like 'pf\\_%' order by 1, 2",
}


@pytest.mark.parametrize("kind", KINDS)
def test_django_and_payflow_make_the_same_schema(
    kind: str, migrated: Callable[[str], str], database: Callable[[str], str]
) -> None:
    using = migrated(kind)
    own = open_store(database(kind))
    assert isinstance(own, SqlStore)
    own.migrate()
    for query in (COLUMNS[kind], INDEXES[kind], CHECKS[kind]):
        with connections[using].cursor() as cursor:
            cursor.execute(query)
            by_django = cursor.fetchall()
        with own._cursor() as cursor:
            cursor.execute(query)
            by_payflow = cursor.fetchall()
        assert list(map(tuple, by_django)) == list(map(tuple, by_payflow))
        assert len(by_django) >= 15 or query == "select 1"
    own.close()


def test_every_version_of_the_schema_has_a_migration() -> None:
    """A new step of ``payflow.stores.migrations`` needs a file beside the others, with ``operations_of`` its number."""
    found = sorted(name for app, name in MigrationLoader(None).disk_migrations if app == "payflow")
    assert [int(name[:4]) for name in found] == list(range(1, VERSION + 1))


def test_the_migrations_say_all_that_the_models_say() -> None:
    call_command("makemigrations", "payflow", check=True, dry_run=True, verbosity=0)


def test_the_sql_of_a_migration_can_be_read() -> None:
    told = io.StringIO()
    call_command("sqlmigrate", "payflow", "0001", stdout=told)
    assert "create table" in told.getvalue().lower()
    assert "pf_payment" in told.getvalue()


def test_migrating_after_payflow_migrate_changes_nothing(database: Callable[[str], str]) -> None:
    from .conftest import add_database, database_settings

    url = database("sqlite")
    own = open_store(url)
    own.migrate()
    own.close()
    add_database("migrated_before", database_settings("sqlite", url))
    call_command("migrate", database="migrated_before", verbosity=0)
    own = open_store(url)
    assert own.migrate() == []
    own.check_schema()
    own.close()
    connections["migrated_before"].close()


def test_the_models_are_the_tables() -> None:
    assert {model._meta.db_table for model in apps.get_app_config("payflow").get_models()} == {
        one.name for one in TABLES
    }
    for table in TABLES:
        model: Any = next(one for one in MODELS.values() if one._meta.db_table == table.name)
        columns = {
            one.column: one for one in model._meta.get_fields() if not isinstance(one, models.CompositePrimaryKey)
        }
        assert set(columns) == set(table.columns)
        for name, field in columns.items():
            assert field.null == table.may_be_null(name)
            assert isinstance(field, models.BigIntegerField) == table.is_number(name)


def test_rows_are_read_and_never_written(host: Host) -> None:
    from payflow.django import payflow
    from payflow.money import Money

    made = payflow().pay(amount=Money(1250), channel="qr", action="buy", key="k", reference="order-1").payment
    payments = MODELS["Payment"].objects.using(host.using)
    row = payments.get(reference="order-1")
    assert (row.pk, row.amount, row.status) == (made.id, 1250, "pending")
    moves = MODELS["Transition"].objects.using(host.using).filter(payment_id=made.id)
    assert [one.event for one in moves.order_by("seq") if one.entity == "payment"]
    row.amount = 1
    for write in (
        row.save, row.delete, payments.delete, lambda: payments.update(amount=1), lambda: payments.create(id="x"),
    ):  # fmt: skip
        with pytest.raises(ReadOnly):
            write()
    assert payments.get(pk=made.id).amount == 1250

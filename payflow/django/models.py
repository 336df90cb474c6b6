"""The tables as models: to read, to filter and to look at. Written to only by payflow.

One model for each table of :data:`payflow.stores.schema.TABLES`, with its columns: ``Payment``, ``Refund``,
``Attempt``, ``Receipt``, ``Transition``, ``Journal``, ``Entry``, ``Message``, ``Incident``, ``Account``, ``Refill`` …
Instants are microseconds since 1970 UTC; amounts are minor units.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from ..stores.schema import TABLES, TableSchema
from . import schema


class ReadOnly(Exception):
    """Somebody tried to write what only payflow writes."""


def _refused(*_: Any, **__: Any) -> Any:
    raise ReadOnly("payflow's tables are written by payflow: use the verbs of payflow.django.payflow()")


class Rows(models.QuerySet):
    """Rows to read. What would write raises :class:`ReadOnly`."""

    create = bulk_create = update = bulk_update = get_or_create = update_or_create = delete = _refused


class Row(models.Model):
    """What all of them share."""

    objects = Rows.as_manager()

    class Meta:
        abstract = True

    save = delete = _refused

    def __str__(self) -> str:
        return str(self.pk)


def _model(table: TableSchema) -> type[Row]:
    meta = type("Meta", (), {**schema.options_of(table), "app_label": "payflow"})
    name = schema.model_name(table)
    return type(name, (Row,), {"__module__": __name__, "Meta": meta, **schema.fields_of(table)})


MODELS = {schema.model_name(table): _model(table) for table in TABLES}
globals().update(MODELS)


def __getattr__(name: str) -> type[Row]:
    try:
        return MODELS[name]
    except KeyError:
        raise AttributeError(f"there is no model {name!r} in payflow.django.models") from None

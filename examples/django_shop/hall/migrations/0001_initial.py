"""The tables."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import examples.django_shop.hall.models


class Migration(migrations.Migration):
    initial = True

    dependencies: list[Any] = []

    operations = [
        migrations.CreateModel(
            name="Concert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True, verbose_name="name in addresses")),
                ("place", models.PositiveSmallIntegerField(default=0, verbose_name="place in the programme")),
                ("title_en", models.CharField(max_length=80, verbose_name="title")),
                ("title_zh", models.CharField(max_length=80, verbose_name="title in Chinese")),
                ("players_en", models.CharField(max_length=120, verbose_name="players")),
                ("players_zh", models.CharField(max_length=120, verbose_name="players in Chinese")),
                ("about_en", models.TextField(verbose_name="about")),
                ("about_zh", models.TextField(verbose_name="about, in Chinese")),
                ("starts_at", models.DateTimeField(verbose_name="begins")),
                ("price", models.PositiveIntegerField(verbose_name="price in fen")),
                ("seats", models.PositiveIntegerField(verbose_name="seats")),
                ("seats_left", models.IntegerField(verbose_name="seats left")),
            ],
            options={
                "verbose_name": "concert",
                "verbose_name_plural": "concerts",
                "ordering": ("place",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("seats_left__gte", 0), ("seats_left__lte", models.F("seats"))),
                        name="seats_left_of_seats",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.CharField(
                        default=examples.django_shop.hall.models.order_number,
                        max_length=20,
                        unique=True,
                        verbose_name="number",
                    ),
                ),
                ("visitor", models.CharField(db_index=True, max_length=40)),
                ("key", models.CharField(max_length=40)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting for payment"),
                            ("ready", "tickets ready"),
                            ("released", "seats given up"),
                            ("returned", "given back"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("total", models.PositiveIntegerField(verbose_name="total in fen")),
                ("payment", models.CharField(db_index=True, default="", max_length=40, verbose_name="payment")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="ordered")),
                ("return_asked_at", models.DateTimeField(blank=True, null=True, verbose_name="return asked")),
                ("return_reason", models.CharField(blank=True, default="", max_length=80, verbose_name="reason")),
            ],
            options={
                "verbose_name": "order",
                "verbose_name_plural": "orders",
                "ordering": ("-id",),
                "constraints": [models.UniqueConstraint(fields=("visitor", "key"), name="one_order_per_form")],
            },
        ),
        migrations.CreateModel(
            name="Line",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seats", models.PositiveSmallIntegerField(verbose_name="seats")),
                ("price", models.PositiveIntegerField(verbose_name="price in fen")),
                ("concert", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="hall.concert")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="hall.order"
                    ),
                ),
            ],
            options={
                "verbose_name": "line",
                "verbose_name_plural": "lines",
            },
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveSmallIntegerField()),
                (
                    "code",
                    models.CharField(default=examples.django_shop.hall.models.ticket_code, max_length=12, unique=True),
                ),
                ("void", models.BooleanField(default=False, verbose_name="void")),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tickets", to="hall.line"
                    ),
                ),
            ],
            options={
                "verbose_name": "ticket",
                "verbose_name_plural": "tickets",
                "ordering": ("line", "place"),
            },
        ),
        migrations.AddConstraint(
            model_name="line",
            constraint=models.UniqueConstraint(fields=("order", "concert"), name="one_line_per_concert"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.UniqueConstraint(fields=("line", "place"), name="one_ticket_per_seat"),
        ),
    ]

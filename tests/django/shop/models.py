from __future__ import annotations

from django.db import models


class Order(models.Model):
    """What the host sells."""

    number = models.CharField(max_length=40, unique=True)
    status = models.CharField(max_length=20, default="new")
    payment = models.CharField(max_length=40, default="")

    class Meta:
        app_label = "shop"

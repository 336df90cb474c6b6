"""``manage.py staff``: somebody at the box office, with a new password, which is printed and kept nowhere."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.db.models import Q


class Command(BaseCommand):
    """Makes the group ``box office`` with what it may do, and one member of it."""

    help = "Makes a staff user (or gives it a new password) and prints the password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="boxoffice")

    def handle(self, *args: Any, **options: Any) -> str:  # noqa: ARG002 -- Django's signature
        """Not a superuser: what the box office may do is what its group may."""
        password = secrets.token_urlsafe(9)
        with transaction.atomic():
            group, _ = Group.objects.get_or_create(name="box office")
            group.permissions.set(
                Permission.objects.filter(
                    Q(content_type__app_label="hall", codename__in=("view_order", "view_line"))
                    | Q(content_type__app_label="hall", content_type__model="concert")
                    | Q(content_type__app_label="payflow")
                )
            )
            user, _ = User.objects.get_or_create(username=options["name"], defaults={"is_staff": True})
            user.set_password(password)
            user.save()
            user.groups.add(group)
        return password

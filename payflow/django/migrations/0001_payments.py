"""Version 1 of payflow's schema."""

from django.db import migrations

from ..schema import operations_of


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = operations_of(1)

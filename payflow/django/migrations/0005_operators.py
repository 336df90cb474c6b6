"""Version 5 of payflow's schema."""

from django.db import migrations

from ..schema import operations_of


class Migration(migrations.Migration):
    initial = False
    dependencies = [("payflow", "0004_second_ledger")]
    operations = operations_of(5)

"""Version 4 of payflow's schema."""

from django.db import migrations

from ..schema import operations_of


class Migration(migrations.Migration):
    initial = False
    dependencies = [("payflow", "0003_reconciliation")]
    operations = operations_of(4)

"""Version 2 of payflow's schema."""

from django.db import migrations

from ..schema import operations_of


class Migration(migrations.Migration):
    initial = False
    dependencies = [("payflow", "0001_payments")]
    operations = operations_of(2)

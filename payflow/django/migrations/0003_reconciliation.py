"""Version 3 of payflow's schema."""

from django.db import migrations

from ..schema import operations_of


class Migration(migrations.Migration):
    initial = False
    dependencies = [("payflow", "0002_wallet")]
    operations = operations_of(3)

"""``python examples/django_shop/manage.py …``: Django's commands, and payflow's, on the hall's database."""

import os
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])  # the project is the package examples.django_shop
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.django_shop.settings")

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)

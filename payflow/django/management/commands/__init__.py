"""``manage.py payflow …`` and the short names of what runs unattended."""

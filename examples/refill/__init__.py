"""Refills on a schedule: cron, systemd and Celery beat."""

"""Django is configured once for a process: one place says how."""

from __future__ import annotations

from typing import Any

import django
import pymysql
from django.conf import settings

SETTINGS: dict[str, Any] = {
    "SECRET_KEY": "only for tests",
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    "INSTALLED_APPS": [
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "payflow.django", "tests.django.shop",
    ],
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware", "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    "TEMPLATES": [{
        "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
        "OPTIONS": {"context_processors": [
            "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]},
    }],
    "ROOT_URLCONF": "tests.django.urls", "ALLOWED_HOSTS": ["*"], "USE_TZ": True, "STATIC_URL": "/static/",
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField", "SILENCED_SYSTEM_CHECKS": [],
}  # fmt: skip


def ready() -> None:
    """Configure Django, if nobody has."""
    pymysql.version_info = (2, 2, 8, "final", 0)  # what Django asks of mysqlclient
    pymysql.install_as_MySQLdb()
    if not settings.configured:
        settings.configure(**SETTINGS)
        django.setup()

"""The application that a server serves; its static files too, so that nothing has to be collected for a look."""

from __future__ import annotations

import os

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.django_shop.settings")

application = StaticFilesHandler(get_wsgi_application())

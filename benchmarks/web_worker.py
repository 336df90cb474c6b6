"""One worker of a web server, a process of its own: ``python -m benchmarks.web_worker flask|django bare|shop FOLDER``.

waitress serves both frameworks with the same four threads. ``bare`` has the view ``/hello`` and nothing else; ``shop``
has payflow beside it, opened from ``FOLDER/payflow.json`` as a host opens it. No middleware, no session, no debugging:
what a view costs beyond that is the host's choice. It prints its port and stays until its input is closed.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

THREADS = 32


def flask_app(folder: Path | None) -> Any:
    from flask import Flask

    app = Flask("bench")

    @app.route("/hello")
    def hello() -> str:
        return "hello"

    if folder is not None:
        from payflow.flask import PayFlow

        app.config["PAYFLOW_CONFIG"] = folder / "payflow.json"
        PayFlow(app)
    return app


def django_app(folder: Path | None) -> Any:
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import include, path

    where = urlsplit(os.environ["PAYFLOW_BENCH_URL"])
    settings.configure(
        SECRET_KEY=os.urandom(25).hex(), ALLOWED_HOSTS=["*"], ROOT_URLCONF="bench_urls", MIDDLEWARE=[], USE_TZ=True,
        INSTALLED_APPS=[] if folder is None else ["payflow.django"],
        PAYFLOW={"CONFIG": "" if folder is None else folder / "payflow.json"},
        DATABASES={"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": where.path[1:], "USER": where.username,
            "HOST": where.hostname, "PORT": where.port, "CONN_MAX_AGE": None,
        }} if folder is not None else {},
    )  # fmt: skip
    django.setup()
    urls: Any = type(sys)("bench_urls")
    urls.urlpatterns = [path("hello", lambda _: HttpResponse("hello", headers={"Content-Length": "5"}))]
    if folder is not None:
        urls.urlpatterns.append(path("", include("payflow.django.urls")))
    sys.modules["bench_urls"] = urls
    return get_wsgi_application()


def main() -> None:
    from waitress.server import create_server

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it has a word for every request that waits
    framework, kind, folder = sys.argv[1:4]
    app = {"flask": flask_app, "django": django_app}[framework](Path(folder) if kind == "shop" else None)
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=THREADS)
    print(server.effective_port, flush=True)
    threading.Thread(target=_until_closed, daemon=True).start()
    server.run()


def _until_closed() -> None:
    """End the process with its input: nobody is left who wants its answers."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()

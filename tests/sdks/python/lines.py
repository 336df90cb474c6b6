"""Lets a test process ask an SDK: one line of JSON in, one line of JSON out."""

import json
import sys
from importlib.metadata import version


def serve(make, *packages):
    """Make a client from the settings in the first line; every further line names one of its methods."""
    out, sys.stdout = sys.stdout, sys.stderr  # what an SDK prints is not an answer

    def said(**line):
        out.write(json.dumps(line, default=str) + "\n")
        out.flush()

    client = None
    for line in sys.stdin:
        told = json.loads(line)
        try:
            if client is None:
                client = make(told)
                said(result={name: version(name) for name in packages})
            else:
                said(result=getattr(client, told["verb"])(**told["given"]))
        except Exception as error:  # noqa: BLE001 -- whatever an SDK raises is its answer
            said(error=type(error).__name__, text=str(error))

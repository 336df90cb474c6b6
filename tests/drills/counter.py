"""A server process of a drill, ``python -m tests.drills.counter CONFIG PORT``, and the handler of its workers."""

from __future__ import annotations

import sys

from flask import Flask
from waitress import serve

from payflow import Message, Transaction
from payflow.flask import PayFlow

#: Made by the drill beforehand. No key: work that is done twice leaves two rows.
TABLE = "create table drill_cup (payment_id varchar(32) not null, message varchar(64) not null)"


def pour(message: Message, transaction: Transaction) -> None:
    """One row for each time it is called; it commits together with the mark that the message is done."""
    sign = "?" if type(transaction.connection).__module__.startswith("sqlite3") else "%s"
    cursor = transaction.connection.cursor()
    cursor.execute(f"insert into drill_cup values ({sign}, {sign})", (message.payment_id, message.key))
    cursor.close()


def main(config: str, port: str) -> None:
    app = Flask(__name__)
    app.config["PAYFLOW_CONFIG"] = config
    PayFlow(app)
    serve(app, host="127.0.0.1", port=int(port), threads=8)


if __name__ == "__main__":
    main(*sys.argv[1:])

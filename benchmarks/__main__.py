"""``python -m benchmarks``: every figure, or those named, as ratios to the raw limits of this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from .measuring import FULL, QUICK, Figure, Scale, machine


def _figures() -> dict[str, Callable[[Scale], Figure | list[Figure]]]:
    from .postgres_callbacks import postgres_sets, postgres_single, postgres_two_processes
    from .reconciliation import reconciliation
    from .refill import refill_sqlite
    from .sending import sandbox_orders, send_alipay, send_wechat
    from .spending import spend_mariadb, spend_postgres, spend_sqlite
    from .sqlite_callbacks import sqlite_sets, sqlite_single
    from .statement import statement_sqlite
    from .two_phase import two_phase_postgres
    from .verification import verify_alipay, verify_wechat, verify_wechat_certificate
    from .volume import volume_postgres, volume_sqlite
    from .web import django_postgres, flask_postgres

    return {
        "verify_alipay": verify_alipay,
        "verify_wechat": verify_wechat,
        "verify_wechat_certificate": verify_wechat_certificate,
        "send_alipay": send_alipay,
        "send_wechat": send_wechat,
        "sandbox_orders": sandbox_orders,
        "sqlite_single": sqlite_single,
        "sqlite_sets": sqlite_sets,
        "postgres_single": postgres_single,
        "postgres_two_processes": postgres_two_processes,
        "postgres_sets": postgres_sets,
        "volume_sqlite": volume_sqlite,
        "volume_postgres": volume_postgres,
        "reconciliation": reconciliation,
        "refill_sqlite": refill_sqlite,
        "statement_sqlite": statement_sqlite,
        "spend_sqlite": spend_sqlite,
        "spend_postgres": spend_postgres,
        "spend_mariadb": spend_mariadb,
        "two_phase_postgres": two_phase_postgres,
        "flask_postgres": flask_postgres,
        "django_postgres": django_postgres,
    }


def main() -> int:
    figures = _figures()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(figures)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sets: to see that it works")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write everything measured to this file as well")
    given = parser.parse_args()
    unknown = set(given.figures) - set(figures)
    if unknown:
        parser.error(f"no figure is called {', '.join(sorted(unknown))}")
    scale = QUICK if given.quick else FULL
    where = machine()
    print(", ".join(f"{name}: {value}" for name, value in where.items()))
    print(f"medians of {scale.rounds} rounds; raw and payflow take turns, each round on fresh payments\n")
    measured: list[Figure] = []
    for name in given.figures or figures:
        found = figures[name](scale)
        for figure in found if isinstance(found, list) else [found]:
            print(figure.text(), flush=True)
            measured.append(figure)
    missed = [figure.name for figure in measured if not figure.holds]
    print(
        f"\n{len(measured) - len(missed)} of {len(measured)} hold"
        + (f"; missed: {', '.join(missed)}" if missed else "")
    )
    if given.json:
        told = {"machine": where, "quick": given.quick, "figures": [figure.as_dict() for figure in measured]}
        given.json.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

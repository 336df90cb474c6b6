"""pytest fixtures of the sandbox: a far side of Alipay and WeChat Pay on a free port.

Nothing is automatic. In a ``conftest.py``::

    pytest_plugins = ["payflow.testing.sandboxes"]

    def test_my_shop(payflow_sandbox):
        shop = MyShop(alipay=payflow_sandbox.account("alipay"))
        ...
        payflow_sandbox.pay("ORDER_0001")     # what the payer does
        payflow_sandbox.deliver()             # callbacks that are due
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..sandbox import Material, Sandbox


@pytest.fixture(scope="session")
def payflow_material() -> Material:
    """The keys and certificates of every sandbox of this run: making them takes most of a sandbox's start."""
    return Material()


@pytest.fixture
def payflow_sandbox(payflow_material: Material) -> Iterator[Sandbox]:
    """A sandbox of this test's own, in memory, on a free port, stopped afterwards."""
    with Sandbox(material=payflow_material, refund_seconds=0.0) as sandbox:
        yield sandbox

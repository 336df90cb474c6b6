"""A sandbox for each test that asks for one."""

from payflow.testing.plugin import payflow_material, payflow_sandbox

__all__ = ["payflow_material", "payflow_sandbox"]

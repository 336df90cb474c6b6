"""A sandbox for each test that asks for one."""

from payflow.testing.sandboxes import payflow_material, payflow_sandbox

__all__ = ["payflow_material", "payflow_sandbox"]

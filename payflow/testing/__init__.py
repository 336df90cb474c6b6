"""What payflow is tested with, for everybody: contract suites, throwaway database servers, genuinely signed callbacks.

``stores``    :class:`~payflow.testing.stores.StoreContract`
``gateways``  :class:`~payflow.testing.gateways.GatewayContract`
``plugin``    pytest fixtures: ``pytest_plugins = ["payflow.testing.plugin"]``
``services``  PostgreSQL and MariaDB servers for the length of a test run
``signed``    callbacks signed like the gateways sign them, with keys made for the test
"""

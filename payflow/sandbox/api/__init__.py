"""The sandbox's control API: what a payer, a gateway's operator or a test does, as JSON below ``/sandbox/``.

``shapes`` says what goes in and out, ``verbs`` does it, ``routes`` lists it; requests are checked against the list and
``payflow.sandbox.openapi`` describes it from the same list, so that the two cannot differ.
"""

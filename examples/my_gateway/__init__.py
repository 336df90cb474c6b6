"""A gateway of your own: ``gateway.py`` is all of it, ``far_side.py`` is what it talks to here."""

"""``python -m payflow.cli``."""

from . import main

main(prog_name="payflow")

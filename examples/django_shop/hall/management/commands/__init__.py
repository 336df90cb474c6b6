"""The hall's own commands."""

"""A host's own app: its orders stand beside payflow's tables."""

"""The JSON Schemas payflow promises to outsiders; installed as ``payflow.schemas``."""

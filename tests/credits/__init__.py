"""The chat that sells credit: its rules, its pages, its processes, and a person in a browser."""

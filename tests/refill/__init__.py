"""Refill policies: when periods begin, and what becomes of an account."""

"""Refills: credit that a policy grants. Pure: an account's facts and an instant in, what to grant out."""

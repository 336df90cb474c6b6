"""Small, whole applications."""

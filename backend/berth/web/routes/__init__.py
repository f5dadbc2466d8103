"""Routers, one file a feature."""

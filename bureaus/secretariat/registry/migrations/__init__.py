"""Versions of the registry's tables, applied by bureaus/secretariat/registry/versions.py."""

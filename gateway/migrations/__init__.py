"""Versions of the gateway's tables, applied by gateway/adapters/sql/schema.py."""

"""Measurements. `python -m benchmarks [NAME ...]` runs every `bench_NAME` module here, or those named."""

"""The gateway: admits, routes, records and delivers what bureaus send. It builds on `schemas` alone."""

"""Private services on loopback: the one way that demo, exercises, tests, faults and benchmarks start them.

`process` starts and ends one child; `postgres` and `rabbitmq` are servers made of it; `pki` issues
certificates for tests of the sandbox itself. Nothing here touches a server that was running before, or leaves
one behind.
"""

"""Ways out of the gateway: databases, the broker, the shipped fakes. Adapters know ports, nothing of the pipeline."""

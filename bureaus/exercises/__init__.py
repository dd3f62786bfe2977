"""INFRA operations as data (`operations/`, `countries.toml`, `organisations.toml`), their catalogue, and the runner."""

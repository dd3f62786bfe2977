"""The commented `gateway.toml` that `init` writes."""

from __future__ import annotations

from typing import Final

TEMPLATE: Final = """\
# Settings of this gateway. What is commented out shows its default. The environment and the command line go before
# this file. A database URL that holds a password belongs here or in BUREAUNET_DATABASE_URL, never on a command line.

# database = "postgresql+asyncpg://bureaunet:PASSWORD@localhost/bureaunet"   # default: SQLite, ledger.db in this folder
# broker = "amqps://localhost:5671"                                         # default: none, HTTP links alone
# migrate = true              # bring the database to this version at the start; false refuses an older one

[bureaus]                     # their API: mutual TLS 1.3
# host = "127.0.0.1"
# port = 0                    # 0 takes a free one
# connections = 2048          # in all
# connections_per_link = 16   # of one certificate
# handshake_seconds = 10
# header_seconds = 15
# body_seconds = 60
# keep_alive_seconds = 75
# drain_seconds = 10          # for requests in hand when told to stop
# buffered_bytes = 268435456  # request bodies in memory at one time

[operators]                   # health, metrics: plain HTTP, keep it on loopback
# host = "127.0.0.1"
# port = 0

[pipeline]
# batch_items = 256           # submissions in one transaction
# batch_bytes = 4194304
# queue_items = 4096          # waiting; more are answered 503
# lease_seconds = 30          # a copy to publish belongs to one process
# link_per_minute = 6000      # submissions of one link
# bureau_per_minute = 3000    # admitted messages of one bureau
# recorded_refusals_per_minute = 60
# clock_skew_seconds = 300
# max_lifetime_seconds = 7776000
# inbox_poll_milliseconds = 100

[chores]
# integrate_milliseconds = 250
# checkpoint_milliseconds = 1000
# republish_milliseconds = 1000
# expire_seconds = 60
# current_seconds = 3600      # between two statements of which directory is current
# summary_seconds = 3600

[logging]
# level = "info"              # debug, info, warning, error
"""

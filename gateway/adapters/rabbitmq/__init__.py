"""The way out to the broker, and what the way in consumes through: sessions, a publisher, a consumer."""

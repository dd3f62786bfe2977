"""The way out to the broker, and what the way in consumes through: sessions, a publisher, a consumer.

How they are put together (gateway/app), and the order to start in; to stop, go back the same way:

    endpoint = Endpoint.of(settings.broker, certificate, key, authority)
    publisher = Publisher(endpoint, watcher)                 # ports Inboxes and Receipts
    exchange = Exchange(..., inboxes=publisher)
    consumer = Consumer(endpoint, lambda: submission_queues(directory), watcher)   # port Arrivals
    intake = Intake(exchange, store, publisher, clock, watcher)
    await exchange.start(); await publisher.start(); await consumer.start(intake.decide, intake.take)
"""

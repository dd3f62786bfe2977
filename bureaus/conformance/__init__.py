"""The conformance kit: runs a bureau's program that somebody else wrote, in any language, against the protocol.

    contract.py    what a driver is asked and how it answers: the operations, a line of JSON each way
    schema.py      the same as JSON Schema
    sections.py    which test belongs to which section of docs/protocol.md
    peer.py        the program under test: a command on pipes, or a URL; bounded in time, bytes and failures
    vectors.py     the published vectors, as tests
    making.py      what only the program can make: envelopes and acknowledgements, verified here
    ground.py      a private network for the live dialogue, with the program's seats in it
    front.py       what the program takes for the gateway: passes everything on, and lies when it is told to
    forging.py     copies that no honest gateway would deliver
    dialogue.py    the live dialogue: a query, an answer, a receipt, an acknowledgement
    scene.py       what every live test works with
    hostile.py     the live dialogue with copies and receipts that must be refused
    lies.py        the same with a gateway that lies about itself, the directory and the ledger
    broker.py      the same over a private RabbitMQ
    findings.py    what came out, by section
    page.py        the same as one HTML page
    kit.py         all of it in order
    driver/        the driver of this SDK: `python -m bureaus.conformance.driver`

The contract is written out for people in docs/conformance.md.
"""

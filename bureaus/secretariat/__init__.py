"""The General Secretariat as a participant: its services, and the exercises' owner of operations.

It reads what is addressed to it and nothing else; it uses the SDK like any bureau and never the gateway.

office.py      what every room is given: bureau, registry, settings, hooks; Chore
settings.py    every limit of the services
registry/      its own database: tables by room, audit, outgoing messages, versions
sending.py     sends what rooms posted
standing.py    the standing operation `ipsg-services`
serving.py     the rooms composed, their chores, and an end that loses nothing

notices/       notices and diffusions: screened, published, changed, ended
databases/     wanted persons and travel documents: records, questions, hits
staff/         who works here, what they may do, who is signed in
pages/         the staff's pages, and both listeners
duty/          the Command and Coordination Centre: silences, calls to the silent, hand-over
tips/          the page for the public, tips sealed at rest, triage
arrests.py     who is held on which notice or record, as bureaus tell
reports.py     results, corrections, corroborations, cases;  tally.py  what they come to;  claims.py  claimed totals
statements.py  an operation's phases and progress, as signed statements
quality/       what records and notices lack;  evaluation/  an operation afterwards
declined.py    refuses what asks and is for no room
relay.py       questions between two that do not deal directly;  groups.py  named groups of addresses
typed.py       what people typed, as messages may carry it

operations.py  an INFRA operation as the statement that its owner signs; in an exercise the services are exchanged in it
"""

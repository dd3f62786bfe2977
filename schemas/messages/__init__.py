"""What bureaus say to each other: one module a family, the code lists, and the codec.

    codes.py        every code list, with its source
    countries.py    the countries and issuers that a message may name
    fields.py       the base models, bounded text, dates of known precision
    documents.py    identity documents and the ICAO 9303 check digit
    person.py       the person block
    whereabouts.py  whereabouts.query/1 and whereabouts.response/1
    result.py       operation.case/1, result/1, result.correction/1, result.corroboration/1
    group.py        network.group/1
    relay.py        relay.consent/1, relay.request/1, relay.delivery/1, relay.answer/1
    relayed.py      enclosing a message in another, for a relay
    attachments.py  pictures, prints and papers behind a message's JSON
    notices.py      notice.* and diffusion.*; notice_codes.py their code lists
    tips.py         tip/1 and tip.disposition/1
    duty.py         duty.call/1 and duty.answer/1
    databases.py    database.record/1, .recorded/1, .query/1, .answer/1 and .alert/1
    hits.py         hit.confirmation/1 and hit.confirmed/1
    search_codes.py the code lists of the two
    arrests.py      arrest.provisional/1, arrest.answer/1, extradition.request/1, extradition.answer/1
    arrest_codes.py their code lists
    kinds.py        every kind, and its model, loaded when it is asked for
    codec.py        bytes to message and back, strictly
    jsonschema/     the JSON Schema of each kind, written by `python -m tools.export_jsonschema`

A model never changes what it says once published: a new meaning is a new version of the kind.
"""

from schemas.messages.codec import decode, decode_whole, encode, kind_of
from schemas.messages.fields import Message
from schemas.messages.kinds import KINDS
from schemas.messages.person import Person
from schemas.messages.result import Result
from schemas.messages.whereabouts import WhereaboutsQuery, WhereaboutsResponse

__all__ = [
    "KINDS",
    "Message",
    "Person",
    "Result",
    "WhereaboutsQuery",
    "WhereaboutsResponse",
    "decode",
    "decode_whole",
    "encode",
    "kind_of",
]

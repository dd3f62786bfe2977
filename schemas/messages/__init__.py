"""What bureaus say to each other: one module a family, the code lists, and the codec.

    codes.py        every code list, with its source
    countries.py    the countries and issuers that a message may name
    fields.py       the base models, bounded text, dates of known precision
    documents.py    identity documents and the ICAO 9303 check digit
    person.py       the person block
    whereabouts.py  whereabouts.query/1 and whereabouts.response/1
    result.py       result/1
    codec.py        bytes to message and back, strictly
    jsonschema/     the JSON Schema of each kind, written by `python -m tools.export_jsonschema`

A model never changes what it says once published: a new meaning is a new version of the kind.
"""

from schemas.messages.codec import KINDS, decode, encode, kind_of
from schemas.messages.fields import Message
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
    "encode",
    "kind_of",
]

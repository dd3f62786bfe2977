"""The driver of this SDK: what the conformance kit asks, done with `schemas` and `bureaus` as they are.

    given.py      what is given, read with its types
    reading.py    decoders and verifiers of single statements
    judging.py    a recipient's ten checks, records, disclosures, proofs
    making.py     envelopes and acknowledgements
    living.py     a `Bureau` on a link
    __main__.py   the loop: a line in, a line out

`python -m bureaus.conformance.driver` speaks the contract on its standard streams.
"""

"""The Command and Coordination Centre, `IPSG/ccc`: what escalated, who is asked again, what a watch leaves the next.

hearing.py  the gateway's attestations of silence, kept; what a bureau that was asked again says
desk.py     what the duty officer sees and does

Rules: everything is recorded. The centre knows who is silent towards whom and since when; the query it has never seen.
"""

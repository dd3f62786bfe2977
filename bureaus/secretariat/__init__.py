"""The General Secretariat as a participant: it owns operations and counts what came of them, and sees nothing else.

results.py     what bureaus reported, each case once
operations.py  an INFRA operation as the statement that its owner signs
desk.py        the secretariat at work: opens the operation, takes results
"""

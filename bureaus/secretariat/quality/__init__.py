"""The quality of records and notices: what each lacks, what contradicts itself, what is there twice, stale or overdue.

scores.py      what one record or notice lacks, and its share of what there could be; pure
duplicates.py  which persons and documents are there twice; pure
survey.py      the registry's records and notices, looked at: one report, and a measure of an operation
"""

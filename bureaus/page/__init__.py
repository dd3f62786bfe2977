"""The human page of a verified record: one HTML file that a prosecutor can read, print and file.

    words.py     events, answers and reasons in plain words
    parts.py     times, digests, tables and lists as markup; everything that is put in is escaped
    exchange.py  one exchange as a timeline
    record.py    the page, part by part
    style.css    light, dark and print; no script, nothing from elsewhere

Rules: no script and no external resource, and a policy in the page forbids both; every value goes through MarkupSafe's
`Markup.format`, which escapes it; the page is written part by part, so that it takes no memory beside the report's.
"""

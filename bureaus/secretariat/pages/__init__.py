"""The secretariat's pages for its staff: server-rendered, without a script, on a listener of their own.

guard.py      what stands before every page: session, right, token against forged requests, headers
views.py      templates and how things are said;  templates/, static/
entrance.py   signing in and out
duty.py       the Command and Coordination Centre's desk
screening.py  requests for notices, with what the rules found
lists.py      notices, reviews that are due, the audit
tips.py       triage of tips, and public appeals
routes.py     the table of pages and who may open each
listening.py  both listeners: the staff's and the public's

The page for the public is not here: bureaus/secretariat/tips/public.py.
"""

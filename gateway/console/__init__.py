"""The operators' console: pages, server-rendered, on the operators' listener.

desk.py       what the pages read and act through; the part of it that commands have too
sessions.py   who is signed in;  entrance.py, issuing.py  signing in, by a password or at a provider
guard.py      what stands before every page: session, role, token against forged requests, headers
routes.py     the table of pages and who may open each;  passing.py  from a supervisor to a worker's console
views.py      templates
listing.py    a list: its page, its files, its API, its command;  lists.py  all of them;  takeaway.py  handed out
overview.py   the first page;  pulse.py  what the ledger's last entries say of now
plots.py      drawn;  places.py  on a map
exchanges.py  messages, and one exchange;  evidence.py  each step with its proof, verified
awaited.py    answers that are awaited or overdue
operations.py who takes part in what, and what came of it
bureaus.py    participants
aside.py      the quarantine;  approvals.py  what waits for a second person
machinery.py  the broker and the database
registers.py  the ledger's heads, the audit
"""

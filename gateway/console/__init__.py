"""The operators' console: pages, server-rendered, on the operators' listener.

desk.py       what the pages read and act through
sessions.py   who is signed in
guard.py      what stands before every page: session, role, token against forged requests, headers
routes.py     the table of pages and who may open each
views.py      templates
pulse.py      what the ledger's last entries say of now;  plots.py  drawn;  places.py  on a map
operations.py who takes part in what
aside.py      the quarantine
registers.py  bureaus, the ledger's heads, the audit
evidence.py   each step of a message with its proof, verified
"""

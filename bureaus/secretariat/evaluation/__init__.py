"""What an operation came to, afterwards: its results, how the databases and the network were used, and the quality.

use.py      the databases by bureau: questions, hits, false hits, how long answers and confirmations took; silences
network.py  the network by bureau, from the operation's record, which is verified first
report.py   all of it as one value and one JSON object
page.py     the same as one HTML page with plots, without a script and with nothing from elsewhere
"""

"""The secretariat's staff: who they are, what they may do, and who is signed in.

rights.py     what somebody may do, and whom one person may not be alone
passwords.py  Argon2id, for passwords and for the secrets of tips
accounts.py   adding, changing and removing staff, each recorded
sessions.py   signing in and out
"""

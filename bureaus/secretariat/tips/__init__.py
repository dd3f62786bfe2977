"""Tips from the public and from bureaus, triaged by the fugitive unit (docs/secretariat.md).

appeals.py   public appeals: what the public is shown of whom a bureau seeks
sealing.py   what a tip says, at rest: ciphertext under a key of its own
pictures.py  pictures made anew, in a process of their own;  recode.py  that process
numbers.py   a tip's number and its secret
limits.py    how much of the public is served at a time, and forms that are good once
taking.py    tips taken in, and read again by whoever gave them
triage.py    what the fugitive unit does with them
desk.py      handlers and chores: tips of bureaus, dispositions, erasure
public.py    the page for the public, on a listener of its own;  form.py  what it sends, read within bounds

Rules: nothing of the public is stored or logged but what they wrote, and the day. Nobody of the public reads anything
without a number and its secret; nothing that a bureau says reaches the public but by the unit's hand.
"""

"""Deciding, apart from doing: facts in, changes out. No clock, no network, no database.

``draft``    the working set: moves by the table, with the transition, booking and message each move declares
``events``   what a gateway stated about a payment or a refund
``answers``  how one of our own operations ended
``verbs``    what the host asks for: pay, confirm, cancel, refund
``checks``   what has to be asked, resent, expired or closed by now

``postings``   credit: how it is booked, once
``credit``     grant, spend, transfer, adjust
``affording``  caps, what is available, what is refilled on demand
``reserving``  hold, settle; ``holds``: released, expired
``topup``      what a payment buys, and what its refund takes back
"""

"""One file for each gateway. A gateway translates between its own words and ours; it never decides and never stores.

A gateway's file reads from top to bottom: where its protocol is documented · the table *their word → our event* ·
what it can do · the gateway · its canonical texts. They are loaded only for accounts that a config names.
"""

"""A chat that sells prepaid credit, on Flask: bought, held for each answer, settled at its true cost, refunded.

Read in this order:

``payflow.json``  what is sold, what a day brings for free, how long a hold lasts
``model``         the toy that answers, and how it counts tokens; ``prices`` what they cost
``answers``       the chat's own table, in the same database, so that an answer and its credit commit together
``writing``       an answer under way: credit held, words as they come, then settled or released
``chat``          the page of the conversation and its streams; ``purse`` what a visitor has
``buying``        packs, free amounts, the page of a payment; ``phone`` the simulated phone that pays
``books``         every movement explained, and what was used
``office``        what an operator does: tiers and refunds
``app``           all of it together; ``visitor`` who is asking; ``words`` every text in English and Chinese
``__main__``      makes the secrets on the first run, migrates, starts the chat, its worker, the mock gateway's sender
"""

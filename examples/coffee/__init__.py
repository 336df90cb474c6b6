"""A coffee shop on Flask: ordered, confirmed, paid at a simulated phone, called back, booked once, refunded.

``__main__``   makes the secrets on the first run, migrates, starts the shop, its worker and the mock gateway's sender
``shop``       the application: pages, the API, the cashier
``menu``       what there is and what it costs
``words``      every text in English and Chinese
"""

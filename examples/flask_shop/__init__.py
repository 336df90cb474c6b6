"""A tea shop: Flask, Flask-SQLAlchemy and payflow, from the catalogue to the refund.

``model``     the shop's own tables: teas with their stock, orders, parcels
``basket``    what a visitor has put aside, in the session
``ordering``  the order, its stock and its payment in one transaction
``handlers``  what happens once a payment is paid, ended or refunded: exactly once each
``shelf`` ``counter`` ``office``  the pages: teas and basket; the customer's orders; the staff
``app``       the application factory
"""

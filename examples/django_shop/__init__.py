"""A concert hall that sells its tickets: a Django project with payflow.django, paid by Alipay and WeChat Pay.

Read: ``settings`` · ``hall.models`` · ``hall.basket`` · ``hall.ordering`` (order and payment in one transaction) ·
``hall.handlers`` (what happens once) · ``hall.views`` · ``hall.admin``.
"""

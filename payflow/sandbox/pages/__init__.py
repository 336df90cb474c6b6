"""The sandbox's pages: the payer's cashier, the dashboard, one order, and how to set up each SDK.

Plain HTML that works without JavaScript; scripts only keep it fresh. ``html`` writes tags and escapes everything,
``words`` says it in English and Chinese, ``layout`` is what all pages share.
"""

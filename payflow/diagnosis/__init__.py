"""What is wrong between us and a gateway, and why: ``payflow doctor gateways`` and ``payflow explain-signature``.

Read in this order: findings (one thing that was looked at) · material (an account's keys, one by one) · keys, place
(pure: what can be told without sending) · meaning (what a gateway's answer tells) · asking (a harmless question to it)
· gateways (all of that, account by account) · capture (a request as it was written down) · forms, bodies (what may have
been done to it) · alipay, wechat, explain (why its signature does not verify). The sentences stand in doctor_words,
answer_words and explain_words.

Nothing here is on the way of a payment, and no finding holds a secret.
"""

from __future__ import annotations

"""WeChat Pay's far side: API v3, both key modes, notifications, bills. Written from the documents alone."""

from .side import WeChatSide

__all__ = ["WeChatSide"]

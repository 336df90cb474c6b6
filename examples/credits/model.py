"""The toy that answers: a handful of rules, no intelligence. What it does have of a real model is tokens. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .prices import FREE_A_DAY, LONGEST, READ, WRITTEN

_PIECE = re.compile(r"[㐀-鿿豈-﫿]|[^\W\d_㐀-鿿豈-﫿]+|\d+|\s+|.", re.DOTALL)
_SUM = re.compile(r"(-?\d{1,9})\s*([-+*/×÷xX])\s*(-?\d{1,9})")
_CHINESE = re.compile(r"[㐀-鿿豈-﫿]")

#: What it says, in English and Chinese, of what it recognises; the first that fits.
_RULES: dict[str, tuple[str, str]] = {
    r"story|tale|故事": (
        ("Once there was a parrot who could say anything it had heard, and understood none of it. A merchant laid "
         "aside enough for a long answer before he asked, paid for the words that came, and put the rest back. One day "
         "he had heard enough and raised his hand. The parrot fell silent, and it cost him nothing."),
        ("从前有一只鹦鹉，听过的话都会说，却一句也不懂。商人每次先留出足够的额度再提问，按说出的字付账，剩下的放回钱袋。"
         "有一天他听够了，举起手来，鹦鹉立刻住嘴，分文不收。"),
    ),
    r"price|cost|token|how much|多少钱|价格|费用|计费|收费": (
        (f"You pay {READ} credit for each token I read and {WRITTEN} for each token I write, never more than {LONGEST} "
        "of those. Before I begin, the most it can cost is set aside; afterwards you pay what it did cost."),
        (f"我每读一个 token 收 {READ} 个额度，每写一个收 {WRITTEN} 个，最多写 {LONGEST} 个。"
        "开口之前先预留最高费用，说完只按实际收取。"),
    ),
    r"free|refill|gift|免费|赠送|补充": (
        (f"When a question finds too little credit, you are topped up to {FREE_A_DAY}, once a day. However many "
        "questions ask at the same moment, it happens once."),
        f"提问时额度不够，会自动补到 {FREE_A_DAY}，每天一次。无论多少个问题同时来，都只补一次。",
    ),
    r"\b(hi|hello|hey|good (morning|evening))\b|你好|您好|早上好": (
        "Hello! I am Parrot, a toy. Ask me for a sum, a story, or what I cost.",
        "您好！我是鹦鹉，一个玩具。可以让我算一道题、讲个故事，或者问问怎么收费。",
    ),
    r"who are you|what are you|\breal\b|intelligen|你是谁|人工智能|真的": (
        ("I am a page of rules written in Python. I understand nothing. The credit you spend on me is kept as if it "
        "were real, and that is the point."),
        "我只是一页用 Python 写的规则，什么也不懂。但您花的额度是按真的来记账的，这才是重点。",
    ),
}  # fmt: skip


def counted(text: str) -> int:
    """The tokens of a text: one for each Chinese character, four letters, three digits or sign; none for spaces."""
    return sum(_tokens(piece) for piece in _PIECE.findall(text))


def _tokens(piece: str) -> int:
    if piece.isspace():
        return 0
    if piece.isdigit():
        return -(-len(piece) // 3)
    return -(-len(piece) // 4)


def answer(question: str, longest: int = LONGEST) -> Iterator[str]:
    """The answer in pieces, as a model writes it; at most ``longest`` tokens of it."""
    left = longest
    held_back = ""
    for piece in _PIECE.findall(_text(question)):
        left -= _tokens(piece)
        if left < 0:
            return
        if piece.isspace():
            held_back = piece
        else:
            yield held_back + piece
            held_back = ""


def _text(question: str) -> str:
    chinese = bool(_CHINESE.search(question))
    found = _SUM.search(question)
    if found is not None:
        return _sum(found, chinese)
    for pattern, (english, other) in _RULES.items():
        if re.search(pattern, question, re.IGNORECASE):
            return other if chinese else english
    said = " ".join(question.split())[:60]
    if chinese:
        return f"“{said}”，您说。我只会学舌。可以让我讲个故事、算一道题，或者问问怎么收费。"
    return f'"{said}", you say. I can only repeat that. Try a story, a sum like 12 * 34, or ask what I cost.'


def _sum(found: re.Match[str], chinese: bool) -> str:
    left, sign, right = int(found[1]), found[2], int(found[3])
    if sign in "/÷":
        if right == 0:
            return "不能除以零，这我倒是知道。" if chinese else "Nothing is divided by zero; that much I know."
        whole, rest = divmod(left, right)
        more = "" if not rest else (f"，余 {rest}" if chinese else f", and {rest} left over")
        return f"{left} ÷ {right} = {whole}{more}"
    result = {"+": left + right, "-": left - right}.get(sign, left * right)
    return f"{left} {sign.lower().replace('x', '×').replace('*', '×')} {right} = {result}"

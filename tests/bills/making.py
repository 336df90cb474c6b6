"""Bills as the gateways write them, made up for tests."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO

import pytest

from payflow.gateways.bills import BillError, BillRow, BillSummary

DAY = "2019-02-19"

# -- WeChat Pay -------------------------------------------------------------------------------------------------------

TRADE = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
TRADE_SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FLOW = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FLOW_SUMS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


def wx_row(number: int = 1, **cells: str) -> str:
    """A payment of 0.03 with a fee of one fen; any cell may be said otherwise, by the name of its column."""
    usual = dict.fromkeys(TRADE.split(","), "") | {
        "交易时间": f"{DAY} 05:01:46", "公众账号ID": "wxab8acd895ab1638a", "商户号": "1921000401", "特约商户号": "0",
        "微信订单号": f"42000002632019021677{number:08d}", "商户订单号": f"order_{number:06d}", "交易类型": "JSAPI",
        "交易状态": "SUCCESS", "付款银行": "OTHERS", "货币种类": "CNY", "应结订单金额": "0.03", "代金券金额": "0.00",
        "微信退款单号": "0", "商户退款单号": "0", "退款金额": "0.00", "充值券退款金额": "0.00", "商品名称": "咖啡",
        "手续费": "0.01000", "费率": "0.60%", "订单金额": "0.03", "申请退款金额": "0.00",
    }  # fmt: skip
    return "`" + ",`".join((usual | cells).values())


def wx_refund(number: int = 1, amount: str = "0.02", **cells: str) -> str:
    """A refund of the payment with this number."""
    return wx_row(number, **{
        "交易状态": "REFUND", "应结订单金额": "0.00", "订单金额": "0.00",
        "微信退款单号": f"500007096720190119{number:08d}", "商户退款单号": f"refund_{number:06d}", "退款金额": amount,
        "申请退款金额": amount, "退款类型": "ORIGINAL", "退款状态": "PROCESSING", "手续费": "-0.00012",
    } | cells)  # fmt: skip


def wx_bill(*rows: str, sums: str = "", header: str = TRADE, sums_header: str = TRADE_SUMS) -> bytes:
    """The whole file. ``sums`` without marks: ``2,0.03,…``."""
    lines = [header, *rows, sums_header, ",".join(f"`{cell}" for cell in sums.split(","))]
    return b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode()


def flow_row(number: int, kind: str, way: str, amount: str, voucher: str = "", **cells: str) -> str:
    """A movement of the account."""
    usual = dict(zip(FLOW.split(","), [
        f"{DAY} 04:21:23", f"5000030574201802010338712{number:04d}", f"190000923120180201588465{number:04d}",
        kind, kind, way, amount, "0.17", "system", "缺货", voucher,
    ], strict=True))  # fmt: skip
    return "`" + ",`".join((usual | cells).values())


# -- Alipay -----------------------------------------------------------------------------------------------------------

DETAIL = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,"
    "服务费（元）,分润（元）,实收净额（元）"
)
ACCOUNT = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,"
    "账户余额（元）,交易渠道,业务类型,备注"
)
PERIOD = "#起始日期：[2019年02月19日 00:00:00]   终止日期：[2019年02月20日 00:00:00]"
NAME = "20881021_20190219_业务明细.csv"
SUMS_NAME = "20881021_20190219_业务明细(汇总).csv"
ACCOUNT_NAME = "20881021_20190219_账务明细.csv"
TOTALS = (
    "#交易合计：1笔，商家实收共1.25元，商家优惠共0.00元",
    "#退款合计：1笔，商家实收退款共-0.25元，商家优惠退款共0.00元",
)
ONE_OF_EACH = "合计,,1,1,1.00,1.00,0.00,0.00,0.00,0.00,0.00,1.00"


def ali_row(number: int = 1, **cells: str) -> str:
    """A payment of 1.25 with a fee of one fen; cells by the name of their column."""
    usual = dict.fromkeys(DETAIL.split(","), "") | {
        "支付宝交易号": f"20190219220014{number:014d}\t", "商户订单号": f"order_{number:06d}\t", "业务类型": "交易",
        "商品名称": "咖啡\t", "创建时间": "2019-02-19 10:00:00", "完成时间": "2019-02-19 10:00:09",
        "对方账户": "*天(139****0000)\t", "订单金额（元）": "1.25", "商家实收（元）": "1.25",
        "支付宝红包（元）": "0.00", "集分宝（元）": "0.00", "支付宝优惠（元）": "0.00",
        "商家优惠（元）": "0.00", "券核销金额（元）": "0.00",
        "商家红包消费金额（元）": "0.00", "卡消费金额（元）": "0.00", "服务费（元）": "-0.01", "分润（元）": "0.00",
    }  # fmt: skip
    return ",".join((usual | cells).values())


def ali_refund(number: int = 1, request: str = "refund_000001", amount: str = "-0.25", **cells: str) -> str:
    """A refund of the payment with this number."""
    return ali_row(number, **{
        "业务类型": "退款", "完成时间": "2019-02-19 12:00:00", "订单金额（元）": amount, "商家实收（元）": amount,
        "退款批次号/请求号": f"{request}\t", "服务费（元）": "0.01",
    } | cells)  # fmt: skip


def sheet(
    *rows: str, header: str = DETAIL, behind: Iterable[str] = TOTALS, what: str = "业务明细", period: str = PERIOD
) -> str:
    """One CSV file of Alipay's, as text."""
    lines = [
        f"#支付宝{what}查询", "#账号：[20881021000000000156]", period, f"#-----------------{what}列表-----------------",
        header, *rows, f"#-----------------{what}列表结束-----------------", *behind,
        "#导出时间：[2019年02月20日 09:10:11]",
    ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines)


def sums_sheet(*rows: str) -> str:
    """The second CSV file."""
    return sheet(*rows, header=SUMS, behind=(), what="业务汇总")


def move(number: int, kind: str, came: str, went: str, **cells: str) -> str:
    """A row of the account's bill."""
    usual = dict(zip(ACCOUNT.split(","), [
        f"5463244653{number:04d}\t", f"20190219229239{number:04d}\t", f"order_{number:06d}\t", "咖啡\t",
        "2019-02-19 21:02:06", "某 (a@example.com)\t", came, went, "14533.03", "支付宝", kind, "",
    ], strict=True))  # fmt: skip
    return ",".join((usual | cells).values())


class _AsIs(zipfile.ZipInfo):
    """zipfile writes names that are not ASCII in UTF-8 and says so; Alipay writes them in GBK and says nothing."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 -- zipfile's own name for it
        return self.filename.encode("gb18030"), self.flag_bits & ~0x800


def zipped(members: Iterable[tuple[str, bytes | str]], method: int = zipfile.ZIP_DEFLATED, mode: int = 0) -> bytes:
    """A ZIP as Alipay makes them: names and texts in GBK."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in members:
            entry = _AsIs(name)
            entry.filename = name  # whatever the constructor thought of it
            entry.compress_type, entry.external_attr = method, mode << 16
            archive.writestr(entry, content.encode("gb18030") if isinstance(content, str) else content)
    return held.getvalue()


def ali_bill(*rows: str, sums: str | None = None, **how: str) -> bytes:
    """A trade bill; with a summary file where ``sums`` is its row."""
    members: list[tuple[str, bytes | str]] = [(NAME, sheet(*rows, **how))]  # type: ignore[arg-type]  # words only
    if sums is not None:
        members.append((SUMS_NAME, sums_sheet(sums)))
    return zipped(members)


LINK = stat.S_IFLNK | 0o777

# -- reading ----------------------------------------------------------------------------------------------------------


def rows_of(reading: Iterator[BillRow | BillSummary]) -> list[BillRow]:
    """The rows of a bill that is right to its end."""
    *rows, summary = reading
    assert isinstance(summary, BillSummary)
    assert summary.rows == len(rows)
    found = [row for row in rows if isinstance(row, BillRow)]
    assert len(found) == len(rows)
    return found


def refused(reading: Iterator[object]) -> BillError:
    """How a reading ends that must not end well."""
    with pytest.raises(BillError) as caught:
        list(reading)
    return caught.value

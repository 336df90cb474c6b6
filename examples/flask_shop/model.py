"""The shop's own tables, in the database of payflow's. Money is whole fen, instants are microseconds since 1970 UTC.

An order is ``open`` until it is paid, then ``packed``; an unpaid one is ``ended`` and its teas are back on the shelf;
``returned`` says that all its money went back.
"""

from __future__ import annotations

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """What the tables have in common."""


class Tea(Base):
    """A tea on the shelf. Its words in both languages are in ``words``, its price and its stock are here."""

    __tablename__ = "shop_tea"
    __table_args__ = (CheckConstraint("stock >= 0"), CheckConstraint("price > 0"))

    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    place: Mapped[int]  # where it stands on the page
    price: Mapped[int]  # fen for 50 grams
    stock: Mapped[int]  # bags of 50 grams


class Order(Base):
    """What somebody wants, and the payment for it. The row and its payment were written in one transaction."""

    __tablename__ = "shop_order"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)
    customer: Mapped[str] = mapped_column(String(32), index=True)
    form_key: Mapped[str] = mapped_column(
        String(64), unique=True
    )  # of the form it came by: sent twice, it is one order
    payment_id: Mapped[str] = mapped_column(String(64), unique=True)
    total: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default="open")
    placed_at: Mapped[int] = mapped_column(BigInteger, index=True)
    asked_at: Mapped[int | None] = mapped_column(BigInteger)  # when the customer asked for the money back
    asked_why: Mapped[str] = mapped_column(String(300), default="")
    answer: Mapped[str] = mapped_column(String(12), default="")  # granted, declined, failed; "": not answered yet
    answer_why: Mapped[str] = mapped_column(String(300), default="")
    lines: Mapped[list[Line]] = relationship(order_by="Line.tea", lazy="selectin")
    parcel: Mapped[Parcel | None] = relationship(lazy="selectin")


class Line(Base):
    """So many bags of one tea, at the price they had when they were ordered."""

    __tablename__ = "shop_line"
    __table_args__ = (CheckConstraint("quantity > 0"),)

    order_number: Mapped[str] = mapped_column(ForeignKey("shop_order.number"), primary_key=True)
    tea: Mapped[str] = mapped_column(ForeignKey("shop_tea.name"), primary_key=True)
    price: Mapped[int]
    quantity: Mapped[int]


class Parcel(Base):
    """A parcel that was packed: one for each paid order, however often the gateway says that it was paid."""

    __tablename__ = "shop_parcel"

    label: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("shop_order.number"), unique=True)
    packed_at: Mapped[int] = mapped_column(BigInteger)


db = SQLAlchemy(model_class=Base)

#: name → price in fen for 50 grams, bags on the shelf on the first day.
FIRST_STOCK = {
    "longjing": (6800, 40), "jasmine": (4600, 60), "tieguanyin": (5800, 35), "dahongpao": (12800, 12),
    "silver": (9600, 18), "puer": (3900, 50), "souchong": (5200, 30), "chrysanthemum": (1800, 3),
}  # fmt: skip


def furnish() -> None:
    """Make the shop's tables and fill an empty shelf. For an example: a shop of yours has migrations for this."""
    Base.metadata.create_all(db.engine)
    if db.session.scalar(select(Tea.name).limit(1)) is None:
        db.session.execute(
            insert(Tea),
            [
                {"name": name, "place": place, "price": price, "stock": stock}
                for place, (name, (price, stock)) in enumerate(FIRST_STOCK.items())
            ],
        )
    db.session.commit()

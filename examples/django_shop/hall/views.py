"""The hall's pages: the programme, the basket, an order and what became of it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from payflow import Payment, Refused
from payflow.django import checkout_url, payflow

from . import basket
from .forms import OrderForm, ReturnForm, SeatsForm
from .models import Concert, Order
from .ordering import CannotOrder, Wish, place

# -- the programme -------------------------------------------------------------------------------------------------


@require_GET
def programme(request: HttpRequest) -> HttpResponse:
    """Every evening."""
    return render(request, "hall/programme.html", {"concerts": Concert.objects.ahead()})


@require_GET
def concert(request: HttpRequest, slug: str) -> HttpResponse:
    """One evening, and how many seats it shall be."""
    found = get_object_or_404(Concert.objects.ahead(), slug=slug)
    chosen = basket.seats_in(request.session).get(slug, 0)
    most = max(0, min(basket.MOST - chosen, found.seats_left - chosen))
    context = {"concert": found, "chosen": chosen, "choices": range(1, most + 1)}
    return render(request, "hall/concert.html", context)


# -- the basket ----------------------------------------------------------------------------------------------------


@require_GET
@never_cache
def basket_page(request: HttpRequest) -> HttpResponse:
    """What is chosen, what it costs now, and how it shall be paid."""
    return _basket(request)


def _basket(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    items = basket.items(basket.seats_in(request.session))
    context = {
        "items": items, "total": sum(item.sum for item in items), "key": request.session.get("key", ""),
        "error": error, "choices": range(basket.MOST + 1),
    }  # fmt: skip
    return render(request, "hall/basket.html", context, status=status)


@require_POST
def change_basket(request: HttpRequest, slug: str) -> HttpResponse:
    """Seats put in, changed or taken out."""
    found = get_object_or_404(Concert, slug=slug)
    form = SeatsForm(request.POST)
    if form.is_valid():
        before = basket.seats_in(request.session).get(slug, 0) if form.cleaned_data["add"] else 0
        basket.put(request.session, found.slug, before + form.cleaned_data["seats"])
    return redirect("hall:basket")


# -- ordering ------------------------------------------------------------------------------------------------------


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """The basket's form: order, seats and payment at once, then to where it is paid."""
    form = OrderForm(request.POST)
    if not form.is_valid():
        return _basket(request, _("Please say how you want to pay."), 400)
    wish = Wish(
        visitor=basket.visitor(request.session), key=form.cleaned_data["key"], seats=basket.seats_in(request.session),
        total=form.cleaned_data["total"], way=form.cleaned_data["way"],
        phone="Mobi" in request.headers.get("User-Agent", ""), client_ip=request.META["REMOTE_ADDR"],
        back=lambda number: request.build_absolute_uri(reverse("hall:order", args=[number])),
    )  # fmt: skip
    try:
        placed = place(wish)
    except CannotOrder as refused:
        return _basket(request, _told(refused), 409)
    if basket.seats_in(request.session) and request.session.get("key") == wish.key:
        basket.emptied(request.session)
    return redirect(_pay_at(placed))


def _pay_at(placed: Order) -> str:
    """payflow's checkout, which leads back to the page of the order."""
    lang = "zh" if (get_language() or "").startswith("zh") else "en"
    return checkout_url(placed.payment, back=reverse("hall:order", args=[placed.number]), lang=lang)


def _told(refused: CannotOrder) -> str:
    if refused.why == "sold_out" and refused.concert is not None:
        left = Concert.objects.get(pk=refused.concert.pk).seats_left
        if left == 0:
            return _("“%(title)s” has just been sold out.") % {"title": refused.concert.title}
        return _("Of “%(title)s”, only %(left)d seats are left.") % {"title": refused.concert.title, "left": left}
    if refused.why == "price_changed":
        return _("A price has changed since you looked. Please look at the total again.")
    return _("Your basket is empty.")


# -- orders --------------------------------------------------------------------------------------------------------


@require_GET
@never_cache
def orders(request: HttpRequest) -> HttpResponse:
    """What this browser has ordered."""
    found = _own(request).prefetch_related("lines__concert")
    return render(request, "hall/orders.html", {"orders": found})


@require_GET
@never_cache
def order_page(request: HttpRequest, number: str) -> HttpResponse:
    """An order: what to do now, its tickets, and what became of its money."""
    return render(request, "hall/order.html", _facts(_order(request, number)))


@require_GET
@never_cache
def order_state(request: HttpRequest, number: str) -> HttpResponse:
    """Changes whenever the page of the order would."""
    found = _order(request, number)
    return JsonResponse({"stamp": _stamp(found, payflow().payment(found.payment))})


@require_POST
def cancel(request: HttpRequest, number: str) -> HttpResponse:
    """No payment after all. Whoever has paid meanwhile is shown that."""
    found = _order(request, number)
    try:
        payflow().cancel(found.payment, key=f"cancel-{number}")
    except Refused as refused:
        if refused.code != "TRANSITION_NOT_ALLOWED":
            raise
    return redirect("hall:order", number)


@require_POST
def ask_return(request: HttpRequest, number: str) -> HttpResponse:
    """The visitor wants to give the tickets back; the box office decides."""
    found = _order(request, number)
    form = ReturnForm(request.POST)
    if form.is_valid() and _can_return(found):
        Order.objects.filter(pk=found.pk, status=Order.Status.READY, return_asked_at=None).update(
            return_asked_at=timezone.now(), return_reason=form.cleaned_data["reason"]
        )
    return redirect("hall:order", number)


def _can_return(found: Order) -> bool:
    """Tickets are given back together, and before the first of their concerts has begun."""
    concerts = Concert.objects.filter(line__order=found)
    return bool(concerts.ahead().count() == concerts.count())


def _own(request: HttpRequest) -> Any:
    return Order.objects.filter(visitor=basket.visitor(request.session))


def _order(request: HttpRequest, number: str) -> Order:
    """An order of this browser; somebody else's is not there."""
    found = _own(request).filter(number=number).first()
    if not isinstance(found, Order):
        raise Http404
    return found


def _stamp(found: Order, payment: Payment) -> str:
    return f"{payment.version}.{found.status}.{found.return_asked_at is not None}"


def _facts(found: Order) -> dict[str, Any]:
    payment = payflow().payment(found.payment)
    return {
        "order": found, "payment": payment, "stamp": _stamp(found, payment), "state": _state(found, payment),
        "lines": found.lines.select_related("concert").prefetch_related("tickets"), "reasons": ReturnForm.REASONS,
        "live": found.status == Order.Status.WAITING or (found.status == Order.Status.READY and found.return_asked_at),
        "pay": _pay_at(found),
        "payable": payment.status in ("created", "pending"), "way": payment.account,
        "returnable": _can_return(found),
    }  # fmt: skip


def _state(found: Order, payment: Payment) -> str:
    """What the page says: ``waiting``, ``issuing``, ``ready``, ``asked``, ``returned`` or ``released``."""
    if payment.status == "refunded":
        return "returned"
    if found.status == Order.Status.WAITING:
        if payment.status in ("cancelled", "failed"):
            return "released"
        return "waiting" if payment.status in ("created", "pending") else "issuing"
    if found.status == Order.Status.READY and found.return_asked_at is not None:
        return "asked"
    return str(found.status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """404."""
    return render(request, "hall/not_found.html", status=404)

"""The hall's addresses."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "hall"
urlpatterns = [
    path("", views.programme, name="programme"),
    path("concerts/<slug:slug>/", views.concert, name="concert"),
    path("basket/", views.basket_page, name="basket"),
    path("basket/<slug:slug>/", views.change_basket, name="change_basket"),
    path("orders/", views.orders, name="orders"),
    path("orders/new/", views.order, name="order_new"),
    path("orders/<str:number>/", views.order_page, name="order"),
    path("orders/<str:number>/state/", views.order_state, name="order_state"),
    path("orders/<str:number>/cancel/", views.cancel, name="cancel"),
    path("orders/<str:number>/return/", views.ask_return, name="ask_return"),
]

"""The programme: six evenings in the weeks to come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import migrations
from django.utils import timezone

#: slug, fen, seats, days from now, then title, players, about in both languages.
EVENINGS = [
    (
        "water-music", 18000, 120, 9,
        "Water Music for Strings", "String quartet",
        "Four players, three centuries of rivers: from a barge on the Thames to rain on a tin roof. Without a break.",
        "水边弦乐", "弦乐四重奏",
        "四位演奏者，三百年的河流：从泰晤士河上的游船，到铁皮屋顶上的雨。无中场休息。",
    ),
    (
        "night-piano", 12000, 80, 12,
        "Night Piano", "Solo piano by candlelight",
        "One piano in the middle of the hall, seats all around it, and nothing louder than it has to be.",
        "夜之钢琴", "烛光钢琴独奏",
        "一架钢琴放在大厅中央，座位环绕四周。没有一个音比它该有的更响。",
    ),
    (
        "brass-at-noon", 8000, 160, 16,
        "Brass at Noon", "Brass quintet",
        "An hour of fanfares, dances and one lullaby. Bring your lunch; children are welcome.",
        "正午铜管", "铜管五重奏",
        "一小时的号角、舞曲和一首摇篮曲。欢迎自带午餐，欢迎带孩子来。",
    ),
    (
        "guqin-and-rain", 26000, 60, 19,
        "Guqin and Rain", "Guqin, bamboo flute and percussion",
        "Old tablature, read anew: seven silk strings against drums that sound like weather.",
        "琴雨", "古琴、竹笛与打击乐",
        "重读古谱：七根丝弦，对着听来像天气的鼓。",
    ),
    (
        "a-hundred-voices", 6000, 240, 24,
        "A Hundred Voices", "The city's choir",
        "Songs of work, of home and of the road, sung from every side of the hall at once.",
        "百人合唱", "城市合唱团",
        "劳动的歌、家的歌、路上的歌，从大厅的四面八方同时唱起。",
    ),
    (
        "last-train-jazz", 15000, 40, 27,
        "Last Train Jazz", "Trio: piano, bass, drums",
        "It begins late and ends in time for the last train. Forty seats, two sets, one lamp.",
        "末班爵士", "三重奏：钢琴、贝斯、鼓",
        "开场很晚，散场刚好赶上末班车。四十个座位，两段演出，一盏灯。",
    ),
]  # fmt: skip


def add(apps: Any, schema_editor: Any) -> None:
    """Each at half past seven in the evening, or at noon, some days from now."""
    concert = apps.get_model("hall", "Concert")
    evening = timezone.localtime().replace(hour=19, minute=30, second=0, microsecond=0)
    for place, (slug, price, seats, days, *words) in enumerate(EVENINGS):
        title_en, players_en, about_en, title_zh, players_zh, about_zh = words
        concert.objects.using(schema_editor.connection.alias).create(
            slug=slug, place=place, price=price, seats=seats, seats_left=seats,
            starts_at=(evening if "noon" not in slug else evening.replace(hour=12, minute=0)) + timedelta(days=days),
            title_en=title_en, title_zh=title_zh, players_en=players_en,
            players_zh=players_zh, about_en=about_en, about_zh=about_zh,
        )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("hall", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]

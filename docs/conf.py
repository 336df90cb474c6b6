"""The site, one build for each language: ``*.md`` is the English one, ``*.zh.md`` (``-t zh``) the Chinese one.

Nothing is fetched: no fonts, no inventories of other projects. What the reference says is generated while it is built,
see ``generating``.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from payflow import __version__  # noqa: E402 -- found by the line above

chinese = "zh" in globals()["tags"]  # sphinx-build -t zh

project = "payflow"
author = "payflow contributors"
version = release = __version__
language = "zh_CN" if chinese else "en"

extensions = ["myst_parser", "generating"]
# The two languages have the same page names, so that a page finds its other half by the folder alone.
source_suffix = {".zh.md": "markdown"} if chinese else {".md": "markdown"}
exclude_patterns = ["_*", "generating", *([] if chinese else ["**/*.zh.md", "*.zh.md"])]
templates_path = ["_templates"]
nitpicky = True

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"payflow {release}"
html_static_path = ["_static"]
html_css_files = ["payflow.css"]
html_sidebars = {
    "**": [
        "sidebar/brand.html", "sidebar/search.html", "language.html", "sidebar/scroll-start.html",
        "sidebar/navigation.html", "sidebar/scroll-end.html",
    ]
}  # fmt: skip
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
html_last_updated_fmt = None
html_theme_options = {"top_of_page_buttons": []}

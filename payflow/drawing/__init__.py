"""Tables shown: Markdown, Mermaid and SVG."""

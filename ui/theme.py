"""How the page looks: Gradio's own parts in our colours, and the style sheet for the rest. No network, no CDN."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, fonts

_ASSETS = Path(__file__).parent / "assets"
_ACCENT = colors.Color(
    name="persimmon",
    c50="#fdf3ee", c100="#fbe3d8", c200="#f6c5b0", c300="#f0a184", c400="#e97a54", c500="#dc5a30",
    c600="#c2451d", c700="#a03716", c800="#812e15", c900="#6a2914", c950="#3a1208",
)  # fmt: skip


def asset(name: str) -> str:
    """The text of a file in ui/assets."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def scripts(*names: str) -> str:
    """The files of ui/assets as one script."""
    return "\n".join(asset(f"{name}.js") for name in names)


def make_theme() -> gr.themes.Base:
    """One accent on stone greys; a font that Gradio carries itself, then the system's."""
    return gr.themes.Base(
        primary_hue=_ACCENT,
        neutral_hue=colors.stone,
        radius_size="lg",
        font=[fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill="#faf8f5",
        body_background_fill_dark="#171412",
        body_text_color="#221e1b",
        body_text_color_dark="#f0ebe5",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#211d1a",
        input_border_color="#d9d2c9",
        input_border_color_dark="#453e38",
    )

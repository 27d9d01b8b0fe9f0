"""Draw the curves of a training run.

python -m finetune.builtin.plot_losses runs/image/history.jsonl docs/models/image-encoder-loss.png
"""

from __future__ import annotations

import argparse
from itertools import zip_longest
from pathlib import Path

from finetune.builtin.files import read_log

_ACROSS = 5
"""Panels in a row."""


def plot_losses(history: Path, picture: Path) -> None:
    """Write a PNG with one panel for each value of the history's lines, over the steps, five in a row.

    history: JSON lines, each with `step` and numbers; tokens and `processor_s`, the time spent, are not drawn. Raises
    ValueError when it holds no line.
    """
    from matplotlib.figure import Figure

    lines = read_log(history)
    if not lines:
        raise ValueError(f"{history} holds no line; train first")
    names = [name for name in lines[-1] if name not in ("step", "tokens", "processor_s")]
    across = min(_ACROSS, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(3.2 * across, 2.6 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).flat
    for panel, name in zip_longest(panels, names):
        if name is None:
            panel.axis("off")
            continue
        steps = [line["step"] for line in lines if name in line]
        panel.plot(steps, [line[name] for line in lines if name in line], color="#2b6e8f", linewidth=1.3)
        panel.set_title(name, fontsize=10)
        panel.set_xlabel("step", fontsize=8)
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.25)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    plot_losses(options.history, options.picture)


if __name__ == "__main__":
    main()

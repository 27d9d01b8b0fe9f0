"""What was measured of the families: a table to read, docs/results/conformance.json, and docs/families.md."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
_HEAD = (
    "| family | transformers | vLLM | float32: base | float32: adapter | adapter moves by | bfloat16: first places | "
    "passes |\n| --- | --- | --- | ---: | ---: | ---: | --- | --- |"
)
_PAGE = """# Model families

Each family is made small, with random weights, its own tokenizer, chat template and picture processor; three steps of
LoRA training with pictures by `finetune.lora`; the adapter loaded into a running vLLM server on a CPU; and the letters
of lists of 20 candidates with pictures scored by both engines. `make conformance` does it again and writes this page.

{table}

float32: the largest difference of two log-probabilities between the engines, {lists} lists of 20 letters; it passes
below 0.01. adapter moves by: the largest difference that the adapter makes, in vLLM. bfloat16: lists that have the same
first place in both engines, of those that have a clear one in float32, without and with the adapter. transformers: in
this process; the server has one of its own ({served}). Measured {date}.

## What to know of them

- SmolVLM 2 is Idefics3 with a part for videos, and was not compared: its processor raises `ImportError: Package
  num2words is required to run SmolVLM processor` in `transformers/models/smolvlm/processing_smolvlm.py` where that
  package is missing, in process and in the server, which have it neither by `make install` nor by `make vllm`. With
  it, it ranks in process. The first SmolVLM is Idefics3 itself.
- Qwen-VL and SmolVLM 2 have a part for videos that needs torchvision; where that is missing the product goes without
  it.
- Kept picture features stand in for pixels in all of them but Qwen3-VL, whose language model takes features of
  several depths; there the vision tower runs for every prompt.
- Published chat templates of LLaVA-1.5 and LLaVA-NeXT put all pictures of a message before its words, in both
  engines, so the model tells them apart by their order alone.
- LLaVA-NeXT sees each thumbnail twice, whole and in tiles; Idefics3 and SmolVLM 2 would, and are told not to.
- vLLM takes `image_mean` and `image_std` of Qwen-VL from `preprocessor_config.json` alone: a checkpoint that leaves
  them to the defaults of transformers is shown pixels that are not normalised. It reads CLIP and SigLIP towers of
  LLaVA and Gemma 3 under `vision_tower.vision_model.`, as published, and not as transformers 5 saves a tower made
  from a config.
- Real weights, GPUs and other pictures than square thumbnails of the model's size are not part of this.
"""


@dataclass(frozen=True, slots=True)
class Half:
    """Lists with the same first place in both engines, of how many."""

    same: int
    of: int


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a family. base, adapter, moves: largest differences of log-probabilities, in float32.

    reason: why it does not pass; empty where it does.
    """

    family: str
    transformers: str
    vllm: str
    base: float | None = None
    adapter: float | None = None
    moves: float | None = None
    half: Half | None = None
    reason: str = ""

    def line(self) -> str:
        numbers = ("" if value is None else f"{value:.1g}" for value in (self.base, self.adapter))
        moves = "" if self.moves is None else f"{self.moves:.1f}"
        half = "" if self.half is None else f"{self.half.same} of {self.half.of}"
        cells = (self.family, self.transformers, self.vllm, *numbers, moves, half, self.reason or "yes")
        return f"| {' | '.join(cells)} |"


def table(rows: Sequence[Row]) -> str:
    return "\n".join([_HEAD, *(row.line() for row in rows)])


def keep(row: Row, names: Sequence[str], *, lists: int, python: Path) -> None:
    """Put the row in the place of the family's one in the JSON, and renew the page. names: of the families, in order.

    python: the one that served.
    """
    path = DOCS / "results" / "conformance.json"
    found = json.loads(path.read_text(encoding="utf-8"))["families"] if path.is_file() else []
    rows = {each["family"]: _row(each) for each in found} | {row.family: row}
    told = [rows[name] for name in names if name in rows]
    date, served = datetime.now(UTC).date().isoformat(), _transformers_of(python)
    versions = {"peft": version("peft"), "torch": version("torch"), "transformers of vLLM": served}
    families = [asdict(each) for each in told]
    result = {"command": "make conformance", "versions": versions, "date": date, "lists": lists, "families": families}
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    page = _PAGE.format(table=table(told), lists=lists, served=served, date=date)
    (DOCS / "families.md").write_text(page, encoding="utf-8")


def _row(told: dict[str, Any]) -> Row:
    return Row(**told | {"half": told["half"] and Half(**told["half"])})


def _transformers_of(python: Path) -> str:
    ask = "import importlib.metadata as m; print(m.version('transformers'))"
    return subprocess.run([str(python), "-I", "-c", ask], capture_output=True, text=True, check=True).stdout.strip()

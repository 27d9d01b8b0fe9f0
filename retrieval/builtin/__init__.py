"""The drawn shop and the built-in image encoder."""

from pathlib import Path

SHOP_FOLDER = Path(__file__).parent / "shop"
"""items.jsonl with its pictures and clips, interactions.csv, truth.json and SHA256SUMS."""

IMAGE_ENCODER = Path(__file__).parent / "image_encoder.json"
"""What the image encoder's weights are: their SHA-256, shape and training."""

__all__ = ["IMAGE_ENCODER", "SHOP_FOLDER"]

"""Rankings of drawn products with pictures, all alike for every engine that is compared."""

from __future__ import annotations

from agent.models.base import Picture, Prompt
from agent.prompts import Detail, Shown, rank_prompt
from finetune.builtin.drawing.scene import draw
from finetune.builtin.products import Product, products
from retrieval.types import Item

IMAGE_PX = 96


def shown(product: Product, image_px: int = IMAGE_PX) -> Shown:
    row = dict(product.row())
    item_id, title = str(row.pop("id")), str(row.pop("title"))
    picture = Picture(draw(product.look, px=image_px), key=f"drawn-{item_id}-{image_px}")
    return Shown(Item(item_id, title, row), picture)


def rankings(
    count: int, *, candidates: int = 20, liked: int = 6, image_px: int = IMAGE_PX, detail: Detail | None = None
) -> list[Prompt]:
    """Prompts over products of every category: somebody who liked some asks for one of the candidates in words."""
    size = candidates + liked
    drawn = list(products(count * size, seed=11))
    prompts = []
    for number in range(count):
        mine = drawn[number * size : (number + 1) * size]
        wanted = mine[liked + 3 * number % candidates]
        request = f"a {wanted.look.colour} {wanted.look.category}"
        told = [shown(item, image_px) for item in mine]
        prompts.append(rank_prompt(told[:liked], request, told[liked:], detail or Detail()))
    return prompts

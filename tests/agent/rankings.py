"""Rankings of drawn products with pictures, all alike for every engine that is compared."""

from __future__ import annotations

from agent.models.base import Picture, Prompt
from agent.prompts import Detail, Shown, rank_prompt
from finetune.builtin.drawing.scene import draw
from finetune.builtin.products import Product, products
from retrieval.types import Item

IMAGE_PX = 96


def shown(product: Product) -> Shown:
    row = dict(product.row())
    item_id, title = str(row.pop("id")), str(row.pop("title"))
    picture = Picture(draw(product.look, px=IMAGE_PX), key=f"drawn-{item_id}-{IMAGE_PX}")
    return Shown(Item(item_id, title, row), picture)


def rankings(count: int, *, candidates: int = 20, liked: int = 6) -> list[Prompt]:
    """Prompts over products of every category: somebody who liked some asks for one of the candidates in words."""
    size = candidates + liked
    drawn = list(products(count * size, seed=11))
    prompts = []
    for number in range(count):
        mine = drawn[number * size : (number + 1) * size]
        wanted = mine[liked + 3 * number % candidates]
        request = f"a {wanted.look.colour} {wanted.look.category}"
        prompts.append(
            rank_prompt(
                [shown(item) for item in mine[:liked]], request, [shown(item) for item in mine[liked:]], Detail()
            )
        )
    return prompts

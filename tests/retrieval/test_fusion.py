"""Fusion: every strategy copes with what is missing, and reads what it says it reads."""

import pytest
import torch

from retrieval.errors import SettingsError
from retrieval.fusion import FUSIONS, Fusion, make_fusion

WIDTH = 16


@pytest.fixture(params=sorted(FUSIONS))
def fusion(request: pytest.FixtureRequest) -> Fusion:
    torch.manual_seed(0)
    made = make_fusion(request.param, 8, 6, WIDTH)
    torch.nn.init.normal_(made.absent)
    return made


def sides(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, 8, generator=generator), torch.randn(n, 6, generator=generator)


def test_vector_for_every_item_whatever_is_missing(fusion: Fusion) -> None:
    text, image = sides(4)
    present = torch.tensor([[True, True], [True, False], [False, True], [False, False]])
    fused = fusion(text, image, present)
    assert fused.shape == (4, WIDTH)
    assert torch.isfinite(fused).all()
    fused.sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in fusion.parameters())


def test_what_is_absent_is_not_read(fusion: Fusion) -> None:
    text, image = sides(2)
    no_text, no_image = torch.tensor([[False, True]] * 2), torch.tensor([[True, False]] * 2)
    assert torch.equal(fusion(text, image, no_text), fusion(text + 5, image, no_text))
    assert torch.equal(fusion(text, image, no_image), fusion(text, image - 3, no_image))


def test_both_sides_count_where_they_should(fusion: Fusion) -> None:
    text, image = sides(2)
    both = torch.ones(2, 2, dtype=torch.bool)
    before = fusion(text, image, both)
    reads_text = not torch.allclose(before, fusion(text * -1, image, both))
    reads_image = not torch.allclose(before, fusion(text, image * -1, both))
    name = type(fusion).__name__
    assert (reads_text, reads_image) == {"TextOnly": (True, False), "ImageOnly": (False, True)}.get(name, (True, True))


def test_starts_as_small_as_the_id_vectors(fusion: Fusion) -> None:
    text, image = sides(500)
    spread = float(fusion(text, image, torch.ones(500, 2, dtype=torch.bool)).detach().std())
    assert 0.002 < spread < 0.06


@pytest.mark.parametrize(("name", "learns"), [("bilinear", True), ("mean", False)])
def test_bilinear_learns_what_only_both_together_say(name: str, learns: bool) -> None:
    """Whether text and picture agree in sign is no sum of something about each."""
    torch.manual_seed(0)
    made = make_fusion(name, 1, 1, WIDTH)
    made.text[1] = made.image[1] = torch.nn.Identity()  # of a single sign, normalising leaves nothing to read
    head = torch.nn.Linear(WIDTH, 1)
    text = torch.randint(0, 2, (256, 1)).float() * 2 - 1
    image = torch.randint(0, 2, (256, 1)).float() * 2 - 1
    wanted = (text * image > 0).float()
    both = torch.ones(256, 2, dtype=torch.bool)
    optimizer = torch.optim.Adam([*made.parameters(), *head.parameters()], lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(head(made(text, image, both)), wanted).backward()
        optimizer.step()
    right = float(((head(made(text, image, both)) > 0).float() == wanted).float().mean())
    assert (right > 0.95) is learns


def test_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"no fusion 'sum'; expected one of text, image, mean"):
        make_fusion("sum", 8, 8, 8)

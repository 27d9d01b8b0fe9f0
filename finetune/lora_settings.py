"""How an adapter is trained."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.errors import SettingsError

STOPPING_LISTS = 100
"""So many tell while it trains how good it has become."""

LEAST_LISTS = 40
"""With fewer lists to learn from, or fewer that hold what was wanted to decide on, nothing is trained."""


@dataclass(frozen=True, slots=True)
class LoraTraining:
    """How an adapter is trained.

    rank, alpha, dropout: of the low-rank layers. targets: regex of the layers that get one; the preset's when None.
    lists: at most so many to learn from. teaching: at most so many, these among them, teach the trees that label
    candidates (`finetune.teacher`). window: of each user so many of the wanted items before the last ones are
    learned from. folds: the users are dealt into so many; the retrievers that propose to one know all that the others
    did. checked: so many lists at most decide whether to use it, and of those that hold what was wanted 100 when to
    stop. asked: so many at most to tell the result on. last: of each user so many of the last wanted items are kept
    for that, and one before them decides. prior: how much the retrievers' prior counts beside the model while it
    learns; when None, as much as by itself makes what was wanted likeliest.
    learning_rate: the preset's when None. warm_up: it grows to that in this share of the steps, then falls as a cosine.
    reasons: how much the words of a reason count beside the letter, to learn to write them; 0 leaves them out. A
    batch's reasons count as one, so that they weigh less where lists come one by one and some have none.
    epochs: at most. evaluations: on validation lists while it trains. patience: so many of them that are not kept
    (`finetune.list_trainer.Looks`) end the training. batch, accumulate: lists in a step are their product; few, since
    of as many lists more steps teach more. A CPU takes them one by one. half: bfloat16 arithmetic; where the machine
    has instructions for it, when None.
    checkpointing: less memory for more time. four_bit: the base's weights in 4 bits (QLoRA), on a GPU.
    preferences: at most so many pairs of items of one answer, of which the user preferred one, are learned from after
    the lists (DPO), preference_epochs times, four in a step, at preference_rate; preference_beta holds it to what was
    learned before.
    report_to: tensorboard, wandb, trackio, or none.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: str | None = None
    lists: int = 2_000
    teaching: int = 4_000
    window: int = 8
    folds: int = 4
    checked: int = 1_000
    asked: int = 600
    last: int = 1
    prior: float | None = None
    reasons: float = 0.0
    learning_rate: float | None = None
    weight_decay: float = 0.0
    warm_up: float = 0.05
    epochs: int = 1
    evaluations: int = 4
    patience: int = 2
    batch: int = 2
    accumulate: int = 1
    half: bool | None = None
    checkpointing: bool = False
    four_bit: bool = False
    preferences: int = 2_000
    preference_epochs: int = 1
    preference_rate: float = 1e-4
    preference_beta: float = 0.1
    report_to: str = "tensorboard"

    def __post_init__(self) -> None:
        whole = {
            name: getattr(self, name)
            for name in (
                "rank",
                "alpha",
                "window",
                "folds",
                "last",
                "epochs",
                "evaluations",
                "patience",
                "batch",
                "accumulate",
            )
        }
        for name, value in whole.items():
            if value < 1:
                raise SettingsError(f"{name} is {value}; expected 1 or more")
        for name in ("lists", "checked", "asked"):
            if getattr(self, name) < LEAST_LISTS:
                raise SettingsError(f"{name} is {getattr(self, name)}; expected {LEAST_LISTS} or more")
        if min(self.preferences, self.preference_epochs) < 0 or min(self.preference_rate, self.preference_beta) <= 0:
            raise SettingsError(
                f"preferences is {self.preferences}, preference_epochs {self.preference_epochs}, preference_rate "
                f"{self.preference_rate}, preference_beta {self.preference_beta}; expected 0 or more, 0 or more, and "
                "above 0 for the others"
            )
        ranges = {
            "learning_rate": (self.learning_rate is None or self.learning_rate > 0, "above 0"),
            "dropout": (0 <= self.dropout < 1, "0 to below 1"),
            "warm_up": (0 <= self.warm_up < 1, "0 to below 1"),
            "prior": ((self.prior or 0) >= 0, "0 or more"),
            "reasons": (self.reasons >= 0, "0 or more"),
        }
        for name, (fits, expected) in ranges.items():
            if not fits:
                raise SettingsError(f"{name} is {getattr(self, name)}; expected {expected}")

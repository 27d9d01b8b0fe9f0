"""Simulated shoppers talk to the recommender: how often they find what they have in mind, and how soon.

Everything happens in a copy of the workspace, which goes with the run: nothing is logged in the workspace itself, and
what shoppers look for is not in the copy's log.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agent.conversation import Conversation, Reply
from agent.dialogue_state import DialogueState
from agent.models.scripted import ScriptedModel
from agent.opening import open_chosen_model, settle
from agent.recommender import Recommender
from agent.settings import RecommenderSettings, load_settings
from finetune.bootstrap import Bootstrap, Difference, Estimate
from finetune.past import past_workspace
from finetune.scratch import scratch
from finetune.shopper import Claim, Kind, Message, Seen, Shopper
from finetune.shopper_cases import Case, Cases, cases_of
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.errors import SettingsError
from retrieval.locks import alone
from retrieval.store import open_store

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from retrieval.workspace import Workspace

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """users: how many shoppers talk. k: items in a list. turns: messages until they give up. seed: who looks for what
    and how it is said. develop: shoppers that are there to develop on, instead of those that results are told of.
    """

    users: int = 100
    k: int = 5
    turns: int = 5
    seed: int = 0
    develop: bool = False

    def __post_init__(self) -> None:
        if min(self.users, self.k, self.turns) < 1:
            raise SettingsError(f"users, k and turns are {self.users}, {self.k}, {self.turns}; expected 1 or more")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message, what was shown for it, and how well that is as it says.

    obeyed: whether all that was shown is as this message says; None for the first one, which is no critique.
    broken: how many of the shown items are not as this or an earlier message says. violating: how many are not as the
    constraints say that the conversation holds then.
    """

    said: str
    answer: str
    shown: tuple[str, ...]
    obeyed: bool | None
    broken: int
    violating: int


@dataclass(frozen=True, slots=True)
class Talk:
    """A shopper's conversation. found: the turn that showed the target, from 1; None where none did.

    one_shot: place, from 0, of the target in the list that the same retriever gives for the first message; None
    where it is not among as many items as the conversation could show.
    """

    case: Case
    exchanges: tuple[Exchange, ...]
    found: int | None
    one_shot: int | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What was measured, with 95% intervals over shoppers.

    success: shoppers who were shown their target within the turns. turns: until then, of those. obeyed: share of
    critiques after which all that is shown is as they say. broken: share of shown items that are not as something said
    so far says. violating: share of those that are not as the constraints say that the conversation understood.
    one_shot, one_shot_long: shoppers whose target is among the k items that one search finds, and among as many as the
    turns show. gain: success beyond one_shot.
    """

    settings: SimulationSettings
    source: str
    model: str
    talks: tuple[Talk, ...] = field(repr=False)
    success: Estimate
    turns: Estimate
    obeyed: Estimate
    broken: Estimate
    violating: Estimate
    one_shot: Estimate
    one_shot_long: Estimate
    gain: Difference


def simulate(
    workspace: Workspace,
    settings: SimulationSettings | None = None,
    *,
    recommending: RecommenderSettings | None = None,
    retriever_only: bool = False,
    tell: Tell | None = None,
) -> Simulation:
    """Let shoppers talk, and measure. recommending: which model ranks; what the workspace serves unless it says so.

    retriever_only: without a language model, in the retriever's order.
    Raises SettingsError, InteractionError when nobody has anything to look for, WorkspaceLockedError, StoreError.
    """
    settings = settings or SimulationSettings()
    cases = cases_of(workspace, settings.users, seed=settings.seed, develop=settings.develop)
    with (
        alone(workspace.path, doing="is simulating shoppers in", lock_name="simulation"),
        _recommender(workspace, cases, recommending or load_settings(), retriever_only) as recommender,
    ):
        talks = []
        for done, case in enumerate(cases.cases):
            if tell is not None:
                tell(f"{done:,} of {len(cases.cases):,} shoppers")
            talks.append(_talk(recommender, case, cases, settings))
        model = "none (the retriever's order)" if retriever_only else recommender.model.info.name
    return _measured(settings, cases.source, model, talks)


@contextmanager
def _recommender(
    workspace: Workspace, cases: Cases, settings: RecommenderSettings, retriever_only: bool
) -> Iterator[Recommender]:
    """A recommender over a copy of the workspace that knows nothing of what is looked for."""
    settled = settle(workspace.path, settings)
    make_model: Callable[[], VisionLanguageModel] = partial(open_chosen_model, workspace.path, settled)
    with ExitStack() as opening:
        folder = opening.enter_context(scratch(workspace.path, "simulation")) / "shop"
        with open_store(workspace, serve=True) as source:
            past = past_workspace(workspace, source, folder, cases.known(workspace.log))
        opening.callback(past.close)
        encoder = open_encoder(past.settings.encoder, own=past.encoders_folder)
        store = opening.enter_context(open_store(past))
        finder = CandidateFinder(past, store, encoder)
        chosen = _indifferent if retriever_only else make_model
        yield opening.enter_context(Recommender(past, finder, store, chosen, settled, sees=encoder.sees))


def _indifferent() -> ScriptedModel:
    """Ranks nothing above anything, so that the retriever's order is what counts."""
    return ScriptedModel(lambda text, choices: [0.0] * len(choices))  # noqa: ARG005


def _talk(recommender: Recommender, case: Case, cases: Cases, settings: SimulationSettings) -> Talk:
    rng = random.Random(f"{settings.seed}/{case.user_id}/{case.target.item_id}")  # noqa: S311
    shopper = Shopper(case.target, cases.head, case.salience, cases.price, rng, develop=settings.develop)
    conversation = Conversation(recommender, case.user_id, k=settings.k, source="simulation")
    message, claims, shown = shopper.opens(), list[Claim](), list[Seen]()
    one_shot = _one_shot(recommender, case, message, settings)
    exchanges: list[Exchange] = []
    for turn in range(1, settings.turns + 1):
        reply = conversation.reply(message.text)
        now = [cases.seen(entry.item.item_id) for entry in reply.recommendations or ()]
        obeyed = None if turn == 1 or not message.claims else obeys(message, shown, now)
        claims += message.claims
        broken = sum(not all(claim.kept_by(item) for claim in claims) for item in now)
        violating = sum(not _within(reply.state, item) for item in now)
        item_ids = tuple(item.item_id for item in now)
        exchanges.append(Exchange(message.text, reply.text, item_ids, obeyed, broken, violating))
        if case.target in now:
            return Talk(case, tuple(exchanges), turn, one_shot)
        shown = now or shown
        message = _next(shopper, reply, shown)
    return Talk(case, tuple(exchanges), None, one_shot)


def _next(shopper: Shopper, reply: Reply, shown: Sequence[Seen]) -> Message:
    if reply.offers and not reply.recommendations:
        return shopper.agrees()
    if reply.offers:
        return shopper.answers([offer.label for offer in reply.offers])
    return shopper.criticises(shown)


def _one_shot(recommender: Recommender, case: Case, message: Message, settings: SimulationSettings) -> int | None:
    found = recommender.candidates(query=message.text, user_id=case.user_id, k=settings.k * settings.turns)
    return next((place for place, each in enumerate(found) if each.item_id == case.target.item_id), None)


def obeys(message: Message, before: Sequence[Seen], now: Sequence[Seen]) -> bool:
    """Whether all that is shown now is as the message says; nothing shown obeys nothing."""
    if not now:
        return False
    known = {item.item_id for item in before}
    for claim in message.claims:
        if claim.kind is Kind.OTHERS and any(item.item_id in known for item in now):
            return False
        if claim.kind is Kind.LIKE:
            place = int(claim.number) - 1
            like, others = before[place], [item for row, item in enumerate(before) if row != place]
            if _alike(like, now) < _alike(like, others):
                return False
    return all(claim.kept_by(item) for claim in message.claims for item in now)


def _within(state: DialogueState, item: Seen) -> bool:
    """Whether an item is as the state's constraints say, its picture included."""
    claims = [Claim(Kind.AVOID, name, value) for name, values in state.avoid.items() for value in values]
    claims += [Claim(Kind.AT_MOST, name, number=number) for name, number in state.at_most.items()]
    claims += [Claim(Kind.AT_LEAST, name, number=number) for name, number in state.at_least.items()]
    wanted = ([item.has(name, value) for value in values] for name, values in state.want.items())
    return all(claim.kept_by(item) for claim in claims) and all(any(has) for has in wanted)


def _alike(item: Seen, others: Sequence[Seen]) -> float:
    """How many values the others share with an item, on average."""
    shared = [
        sum(len(values & other.values.get(name, frozenset())) for name, values in item.values.items())
        for other in others
    ]
    return sum(shared) / max(1, len(shared))


def _measured(settings: SimulationSettings, source: str, model: str, talks: Sequence[Talk]) -> Simulation:
    rows = np.array([_figures(talk, settings.k) for talk in talks], dtype=np.float64)
    bootstrap = Bootstrap(np.unique([talk.case.user_id for talk in talks], return_inverse=True)[1], seed=settings.seed)
    gain = bootstrap.differences(rows[:, :1], rows[:, 5:6])[0]
    success, turns, obeyed, broken, violating, one_shot, one_shot_long = bootstrap.estimates(rows)
    return Simulation(
        settings, source, model, tuple(talks), success, turns, obeyed, broken, violating, one_shot, one_shot_long, gain
    )


def _figures(talk: Talk, k: int) -> tuple[float, ...]:
    judged = [exchange.obeyed for exchange in talk.exchanges if exchange.obeyed is not None]
    shown = sum(len(exchange.shown) for exchange in talk.exchanges)
    return (
        float(talk.found is not None),
        math.nan if talk.found is None else float(talk.found),
        sum(judged) / len(judged) if judged else math.nan,
        sum(exchange.broken for exchange in talk.exchanges) / shown if shown else math.nan,
        sum(exchange.violating for exchange in talk.exchanges) / shown if shown else math.nan,
        float(talk.one_shot is not None and talk.one_shot < k),
        float(talk.one_shot is not None),
    )

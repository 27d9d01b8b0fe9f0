"""What a message says beside wishes is told from the wishes that look like it."""

from __future__ import annotations

import pytest

from agent.remarks import Remark, remark_of, tells_a_habit


@pytest.mark.parametrize(
    ("message", "remark"),
    [
        ("show me more", Remark.MORE),
        ("Anything else?", Remark.MORE),
        ("ok, what else do you have", Remark.MORE),
        ("no, others please", Remark.MORE),
        ("can you show me some other ones", Remark.MORE),
        ("three more of those", Remark.MORE),
        ("more like the second", None),
        ("something else in blue", None),
        ("more expensive", None),
        ("more colourful ones", None),
        ("another lamp", None),
        ("yes", Remark.YES),
        ("Sure, go ahead!", Remark.YES),
        ("yes, but in blue", None),
        ("ok show me lamps", None),
        ("no", Remark.NO),
        ("no stripes", None),
        ("no wait, don't", Remark.NO),
        ("no, keep it", Remark.NO),
        ("keep it", None),
        ("no, keep the second one", None),
        ("forget me", Remark.FORGET_ME),
        ("please delete all my data", Remark.FORGET_ME),
        ("erase everything you know about me", Remark.FORGET_ME),
        ("forget about that, show me lamps", None),
        ("forget the lamp", None),
        ("remove leather for me", None),
        ("I'd like to remove this one from my preferences", None),
        ("delete my preferences", Remark.FORGET_ME),
        ("undo that", Remark.UNDO),
        ("take that back", Remark.UNDO),
        ("start over", Remark.RESTART),
        ("clear everything", Remark.RESTART),
        ("none of these", Remark.MORE),
        ("what do you know about me?", Remark.ABOUT_ME),
        ("what have you got on me?", Remark.ABOUT_ME),
        ("what do you know about lamps?", None),
        ("what have you got for me?", None),
        ("do you deliver on Sundays?", Remark.SERVICE),
        ("can I pay by card", Remark.SERVICE),
        ("when will my order arrive?", Remark.SERVICE),
        ("can I order a red lamp?", None),
        ("a film about a delivery boy", None),
        ("a red lamp", None),
        ("", None),
    ],
)
def test_remarks(message: str, remark: Remark | None) -> None:
    assert remark_of(message) is remark


@pytest.mark.parametrize(
    ("message", "habit"),
    [
        ("I never wear wool", True),
        ("i can't stand green", True),
        ("I’m allergic to wool", True),
        ("we love stripes", True),
        ("I really hate polyester", True),
        ("I would love a striped one", False),
        ("I love this one", False),
        ("I hate the second", False),
        ("I want a lamp", False),
        ("never mind", False),
    ],
)
def test_habits(message: str, habit: bool) -> None:
    assert tells_a_habit(message) is habit

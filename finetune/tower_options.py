"""Settings of towers from what is typed: NAME=VALUE, for every setting of their shape and of their training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from finetune.tower_fit import TowerTraining
from retrieval.errors import SettingsError
from retrieval.two_towers import TowerSettings

Settings = TypeVar("Settings", TowerSettings, TowerTraining)


def parse_options(given: Sequence[str]) -> tuple[TowerSettings, TowerTraining]:
    """The settings with these changes, such as width=128 or type_weights={"buy": 3}; a value is read as JSON or text.

    Raises SettingsError that names what is wrong, and lists the names for one that there is not.
    """
    values: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or name not in _NAMES:
            raise SettingsError(f"found --set {each!r:.80}; expected NAME=VALUE, the name one of {', '.join(_NAMES)}")
        values[name] = _value(text)
    return _changed(TowerSettings(), values), _changed(TowerTraining(), values)


_NAMES = tuple(field.name for of in (TowerSettings, TowerTraining) for field in fields(of))


def _changed(settings: Settings, values: dict[str, Any]) -> Settings:
    mine = {field.name: values[field.name] for field in fields(settings) if field.name in values}
    try:
        checked: Settings = TypeAdapter(type(settings)).validate_python(mine)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(
            f"--set {'.'.join(map(str, first['loc']))} is {first['input']!r:.60}: {first['msg']}"
        ) from error
    return replace(settings, **{name: getattr(checked, name) for name in mine})


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

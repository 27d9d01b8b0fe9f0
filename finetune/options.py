"""Settings from what is typed: NAME=VALUE, for every setting of some settings classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from retrieval.errors import SettingsError

Settings = TypeVar("Settings")
Other = TypeVar("Other")


def parse_settings(given: Sequence[str], one: type[Settings], other: type[Other]) -> tuple[Settings, Other]:
    """The settings with these changes, such as width=128 or type_weights={"buy": 3}; a value is read as JSON or text.

    one, other: frozen dataclasses whose fields all have defaults, and different names. Raises SettingsError that names
    what is wrong, and lists the names for one that there is not.
    """
    names = [field.name for of in (one, other) for field in fields(of)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or name not in names:
            raise SettingsError(f"found --set {each!r:.80}; expected NAME=VALUE, the name one of {', '.join(names)}")
        values[name] = _value(text)
    return _changed(one, values), _changed(other, values)


def _changed(of: type[Settings], values: dict[str, Any]) -> Settings:
    settings: Any = of()
    mine = {field.name: values[field.name] for field in fields(settings) if field.name in values}
    try:
        checked: Settings = TypeAdapter(of).validate_python(mine)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(
            f"--set {'.'.join(map(str, first['loc']))} is {first['input']!r:.60}: {first['msg']}"
        ) from error
    changed: Settings = replace(settings, **{name: getattr(checked, name) for name in mine})
    return changed


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

"""The items of a workspace: what the catalogue says, in catalogue order, and what of it is embedded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from retrieval.database import EMBEDDED, ITEMS, KEYS_PER_QUERY, Database, batches
from retrieval.errors import InputError
from retrieval.types import AttributeValue, Item, Money

_COUNTER = "items"
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Upserted:
    """The ids that a call added, changed (or brought back), and found as they were."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


class ItemTable:
    """The items, shared by all processes that have the workspace open.

    Rows are never deleted: an item that is withdrawn keeps its row, so item_row stays dense and histories readable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def version(self) -> int:
        """Rises with every committed change; a cache built at the same version is fresh."""
        return self._database.counter(_COUNTER)

    def changed_since(self, version: int) -> list[str]:
        """Ids of the items that changed after that version, embeddings and withdrawals included."""
        query = sa.select(ITEMS.c.item_id).where(ITEMS.c.version > version).order_by(ITEMS.c.item_row)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def upsert(self, items: Iterable[Item]) -> Upserted:
        """Insert new items after the last row, replace changed ones where they stand, leave equal ones alone.

        Each batch of 1,000 is one transaction, so what is returned for a batch is on the disk.
        """
        total = Upserted()
        for batch in batches(items, _BATCH):
            done = self._upsert_batch({item.item_id: item for item in batch})
            total = Upserted(total.added + done.added, total.updated + done.updated, total.unchanged + done.unchanged)
        return total

    def add_missing(self, items: Iterable[Item]) -> int:
        """Insert the items whose ids are new and leave every known one as it is; returns how many were new."""
        added = 0
        for batch in batches(items, _BATCH):
            added += len(self._upsert_batch({item.item_id: item for item in batch}, replace=False).added)
        return added

    def withdraw(self, item_ids: Iterable[str]) -> int:
        """Take items out of recommendation; returns how many were not withdrawn before."""
        withdrawn = 0
        with self._database.write() as connection:
            version = self._database.bump(connection, _COUNTER)
            for keys in batches(item_ids, KEYS_PER_QUERY):
                change = ITEMS.update().where(ITEMS.c.item_id.in_(keys), ITEMS.c.withdrawn == sa.false())
                withdrawn += connection.execute(change.values(withdrawn=True, version=version)).rowcount
        return withdrawn

    def get(self, item_id: str) -> Item:
        """The item, withdrawn or not. Raises InputError when there is none of that id."""
        found = self.get_many([item_id])
        if item_id not in found:
            raise InputError(f"no item {item_id!r:.80} in the workspace; check the id, or index the catalogue first")
        return found[item_id]

    def get_many(self, item_ids: Collection[str]) -> dict[str, Item]:
        """The items of these ids, withdrawn ones included, in the order asked for; unknown ids are left out."""
        found: dict[str, Item] = {}
        with self._database.read() as connection:
            for keys in batches(dict.fromkeys(item_ids), KEYS_PER_QUERY):
                rows = connection.execute(_ITEM_COLUMNS.where(ITEMS.c.item_id.in_(keys)))
                found.update((row.item_id, _item(row)) for row in rows)
        return {item_id: found[item_id] for item_id in dict.fromkeys(item_ids) if item_id in found}

    def all(self, *, withdrawn: bool = False) -> list[Item]:
        """Every item in catalogue order (item_row); with `withdrawn`, those that were withdrawn too."""
        with self._database.read() as connection:
            return [_item(row) for row in connection.execute(_selected(_ITEM_COLUMNS, withdrawn))]

    def ids(self, *, withdrawn: bool = False) -> list[str]:
        """Item ids in catalogue order."""
        with self._database.read() as connection:
            return list(connection.execute(_selected(sa.select(ITEMS.c.item_id), withdrawn)).scalars())

    def count(self, *, withdrawn: bool = False) -> int:
        query = sa.select(sa.func.count()).select_from(ITEMS)
        with self._database.read() as connection:
            return int(
                connection.execute(query if withdrawn else query.where(ITEMS.c.withdrawn == sa.false())).scalar_one()
            )

    def embedded(self, space: str) -> dict[str, str]:
        """Which items have a vector in the space, each with the hash it was made from."""
        query = sa.select(EMBEDDED.c.item_id, EMBEDDED.c.embedded_hash).where(EMBEDDED.c.space == space)
        with self._database.read() as connection:
            return {row.item_id: row.embedded_hash for row in connection.execute(query)}

    def mark_embedded(self, space: str, hashes: Mapping[str, str]) -> None:
        """Remember that these items' vectors are stored, made from content of these hashes. Call it after the store."""
        for batch in batches(hashes.items(), KEYS_PER_QUERY):
            keys = [key for key, _ in batch]
            rows = [{"space": space, "item_id": key, "embedded_hash": value} for key, value in batch]
            with self._database.write() as connection:
                connection.execute(EMBEDDED.delete().where(EMBEDDED.c.space == space, EMBEDDED.c.item_id.in_(keys)))
                connection.execute(EMBEDDED.insert(), rows)
                self._touch(connection, keys)

    def forget_embedded(self, space: str, item_ids: Collection[str] | None = None) -> None:
        """Forget that these items (all, when None) have a vector in the space, so that indexing makes it again."""
        with self._database.write() as connection:
            if item_ids is None:
                connection.execute(EMBEDDED.delete().where(EMBEDDED.c.space == space))
                self._database.bump(connection, _COUNTER)
                return
            for keys in batches(item_ids, KEYS_PER_QUERY):
                gone = EMBEDDED.delete().where(EMBEDDED.c.space == space, EMBEDDED.c.item_id.in_(keys))
                connection.execute(gone)
                self._touch(connection, keys)

    def _touch(self, connection: sa.Connection, item_ids: list[str]) -> None:
        version = self._database.bump(connection, _COUNTER)
        connection.execute(ITEMS.update().where(ITEMS.c.item_id.in_(item_ids)).values(version=version))

    def _upsert_batch(self, items: Mapping[str, Item], *, replace: bool = True) -> Upserted:
        rows = {item_id: _row(item) for item_id, item in items.items()}
        with self._database.write() as connection:
            known: dict[str, dict[str, Any]] = {}
            for keys in batches(rows, KEYS_PER_QUERY):
                found = connection.execute(_ITEM_COLUMNS.where(ITEMS.c.item_id.in_(keys))).mappings()
                known.update((row["item_id"], dict(row)) for row in found)
            added = tuple(key for key in rows if key not in known)
            updated = tuple(key for key in rows if replace and key in known and known[key] != rows[key])
            if added or updated:
                self._write(connection, [rows[key] for key in added], [rows[key] for key in updated], items)
        changed = set(added) | set(updated)
        return Upserted(added, updated, tuple(key for key in rows if key not in changed))

    def _write(
        self,
        connection: sa.Connection,
        added: list[dict[str, Any]],
        updated: list[dict[str, Any]],
        items: Mapping[str, Item],
    ) -> None:
        version = self._database.bump(connection, _COUNTER)
        for row in (*added, *updated):
            item = items[row["item_id"]]
            row |= {"version": version, "text_hash": text_hash(item), "images_hash": images_hash(item)}
        if added:
            next_row = 1 + int(
                connection.execute(sa.select(sa.func.coalesce(sa.func.max(ITEMS.c.item_row), -1))).scalar_one()
            )
            connection.execute(ITEMS.insert(), [row | {"item_row": next_row + i} for i, row in enumerate(added)])
        if updated:
            change = ITEMS.update().where(ITEMS.c.item_id == sa.bindparam("key"))
            columns: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in updated[0] if name != "item_id"}
            changes = [{"key": row["item_id"]} | {f"new_{name}": row[name] for name in columns} for row in updated]
            connection.execute(change.values(columns), changes)


def text_hash(item: Item) -> str:
    """SHA-256 of the item's title and attributes."""
    return _sha256([item.title, encode_attributes(item.attributes)])


def images_hash(item: Item) -> str:
    """SHA-256 of the list of the item's pictures."""
    return _sha256(list(item.images))


def _sha256(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def encode_attributes(attributes: Mapping[str, AttributeValue]) -> str:
    """Attributes as JSON text, in their order; what JSON has no type for is an object of one key."""
    return json.dumps({name: _encode(value) for name, value in attributes.items()}, ensure_ascii=False, allow_nan=False)


def decode_attributes(text: str) -> Mapping[str, AttributeValue]:
    """The attributes that `encode_attributes` wrote."""
    return MappingProxyType({name: _decode(value) for name, value in json.loads(text).items()})


def _encode(value: AttributeValue) -> Any:
    match value:
        case Money():
            return {"money": [value.minor, value.currency]}
        case date():
            return {"date": value.isoformat()}
        case tuple():
            return list(value)
        case _:
            return value


def _decode(value: Any) -> AttributeValue:
    match value:
        case {"money": [int(minor), str(currency)]}:
            return Money(minor, currency)
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case list():
            return tuple(value)
        case str() | int() | float():
            return value
        case _:
            raise InputError(f"an attribute is stored as {value!r:.80}, which this version cannot read")


_ITEM_COLUMNS = sa.select(
    ITEMS.c.item_id, ITEMS.c.title, ITEMS.c.attributes, ITEMS.c.images, ITEMS.c.video, ITEMS.c.withdrawn
)


def _selected(query: sa.Select[Any], withdrawn: bool) -> sa.Select[Any]:
    shown = query if withdrawn else query.where(ITEMS.c.withdrawn == sa.false())
    return shown.order_by(ITEMS.c.item_row)


def _row(item: Item) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "title": item.title,
        "attributes": encode_attributes(item.attributes),
        "images": json.dumps(item.images),
        "video": item.video,
        "withdrawn": item.withdrawn,
    }


def _item(row: Any) -> Item:
    return Item(
        item_id=row.item_id,
        title=row.title,
        attributes=decode_attributes(row.attributes),
        images=tuple(json.loads(row.images)),
        video=row.video,
        withdrawn=row.withdrawn,
    )

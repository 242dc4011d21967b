"""Changing the keys of personal data without a stop: everything is sealed anew with the first one.

Columns are found by what they are, not by a list that could forget one: a ``LargeBinary`` without a
length is sealed, one with ``info["index_of"]`` is the keyed hash of that sealed column.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, func, select, update

from portal.core import Core
from portal.db import Base
from portal.files import FileStore
from portal.vault import KEY_NAMED_WITHIN, Vault

_BATCH = 500


def rotate(core: Core) -> Iterator[tuple[str, int]]:
    """Seal rows and files that an older key sealed; table by table how many."""
    for table in Base.metadata.sorted_tables:
        sealed = [c.name for c in table.columns if _is_sealed(c)]
        if sealed:
            yield table.name, _rotate_table(core, table, sealed)
    stores = (
        ("files of the portal", core.files),
        ("of centers", core.center_files),
        ("uploaded by centers", core.uploaded_files),
        ("paper books", core.permit_files),
    )
    for name, store in stores:
        yield name, _rotate_files(store)


def _is_sealed(column: Any) -> bool:
    return isinstance(column.type, LargeBinary) and column.type.length is None


def _place(column: Any) -> str:
    """What a column's values are sealed for: itself, or where they are copied to as they are."""
    place: str = column.info.get("place", f"{column.table.name}.{column.name}")
    return place


def _rotate_table(core: Core, table: Table, sealed: list[str]) -> int:
    keys = list(table.primary_key.columns)
    # the first bytes name the key; whole values of a large table would fill the memory
    heads = [func.substr(table.c[name], 1, KEY_NAMED_WITHIN).label(name) for name in sealed]
    with core.database.read() as db:
        rows = db.execute(select(*keys, *heads)).all()
    stale = [
        row
        for row in rows
        if any((v := row._mapping[n]) and not core.vault.is_current(v) for n in sealed)  # noqa: SLF001
    ]
    for start in range(0, len(stale), _BATCH):
        with core.database.begin() as db:
            for row in stale[start : start + _BATCH]:
                _rotate_row(db, core.vault, table, keys, row._mapping)  # noqa: SLF001
    return len(stale)


def _rotate_row(db: Connection, vault: Vault, table: Table, keys: list[Any], known: Any) -> None:
    where = [key == known[key.name] for key in keys]
    # read again under the transaction: the row may have been written meanwhile
    current = db.execute(select(table).where(*where).with_for_update()).one_or_none()
    if current is None:
        return
    values: dict[str, Any] = {}
    for column in table.columns:
        value = current._mapping[column.name]  # noqa: SLF001
        if _is_sealed(column) and value:
            place = _place(column)
            values[column.name] = vault.seal_bytes(place, vault.open_bytes(place, value))
        source = column.info.get("index_of")
        if source and value:
            plain = vault.open(_place(table.c[source]), current._mapping[source])  # noqa: SLF001
            values[column.name] = vault.index(column.info["kind"], plain)
    db.execute(update(table).where(*where).values(**values))


def _rotate_files(store: FileStore) -> int:
    count = 0
    for key in list(store.keys()):
        count += store.seal_anew(key)
    return count

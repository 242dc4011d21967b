"""How long a file of old permits is kept: it names people, and the register has what it brought.

The time runs from the last thing that somebody did with it. Then a file that waits for somebody is
given up, and the file goes with what stood in its cells; that it was sent, by whom, and what became
of it stays (law 151/2020: no longer than its purpose needs).
"""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, select, update

from portal.permits.importing import Head, Import
from portal.permits.model import HEADINGS, ImportState, PermitImport
from portal.vault import Vault

_S = ImportState
_WAITING = (_S.MAPPING, _S.CHECKED, _S.FAILED)
OVER = (_S.IMPORTED, _S.DISCARDED, _S.WITHDRAWN)


def give_up_idle(db: Connection, before: datetime) -> int:
    """Give up what waits and nobody has touched since then; how many."""
    idle = update(PermitImport).where(
        PermitImport.state.in_(_WAITING), PermitImport.touched_at < before
    )
    return db.execute(idle.values(state=_S.DISCARDED, discarded_by="")).rowcount


def to_drop(db: Connection, before: datetime, most: int = 20) -> list[tuple[int, str]]:
    """Files whose time is over, by the id of their import and their storage key."""
    rows = db.execute(
        select(PermitImport.id, PermitImport.storage_key)
        .where(
            PermitImport.file_dropped_at.is_(None),
            PermitImport.state.in_(OVER),
            PermitImport.touched_at < before,
        )
        .order_by(PermitImport.touched_at)
        .limit(most)
    )
    return [(row.id, row.storage_key) for row in rows]


def dropped(db: Connection, vault: Vault, book: Import, at: datetime) -> None:
    """Its file is gone: what the head showed of it goes, too; the headings stay."""
    head = Head(book.headings, [[] for _ in book.headings])
    sealed = vault.seal_json(HEADINGS, asdict(head))
    db.execute(
        update(PermitImport)
        .where(PermitImport.id == book.id, PermitImport.state.in_(OVER))
        .values(file_dropped_at=at, headings=sealed)
    )

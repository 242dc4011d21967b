"""Stored files: sealed in parts that cannot be cut, swapped or moved unnoticed."""

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from portal.files import FileStore
from portal.problems import Missing
from portal.vault import SealBroken, Vault

MIB = 1 << 20
OLD, NEW = "o" * 40, "n" * 40


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files", Vault([NEW]))


def content(size: int) -> bytes:
    """Bytes in which every part differs."""
    block = b"".join(sha256(bytes([n % 256, n // 256])).digest() for n in range(2048))
    return (block * (size // len(block) + 1))[: size - 8] + size.to_bytes(8)


def path_of(store: FileStore, key: str) -> Path:
    return store._path(key)


def parts_on_disk(path: Path) -> Iterator[bytes]:
    """Each sealed part with the length before it."""
    source = io.BytesIO(path.read_bytes())
    while length := source.read(4):
        yield length + source.read(int.from_bytes(length))


@pytest.mark.parametrize("size", [9, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 17])
def test_a_file_comes_back_as_it_was(store: FileStore, size: int) -> None:
    plain = content(size)
    stored = store.put(io.BytesIO(plain))
    assert stored.size_bytes == size
    assert stored.sha256 == sha256(plain).hexdigest()
    assert store.read(stored.key) == plain
    with store.open(stored.key) as opened:
        assert opened.read(5) == plain[:5]
        assert opened.read() == plain[5:]


def test_an_empty_file_is_a_file(store: FileStore) -> None:
    stored = store.put(io.BytesIO())
    assert stored.size_bytes == 0
    assert store.read(stored.key) == b""
    assert path_of(store, stored.key).stat().st_size > 0


def test_nothing_of_the_content_lies_on_the_disk(store: FileStore) -> None:
    stored = store.put(io.BytesIO(b"29001018800018 " * 1000))
    raw = path_of(store, stored.key).read_bytes()
    assert b"29001018800018" not in raw


def test_a_file_is_stored_from_where_it_stands(store: FileStore) -> None:
    source = io.BytesIO(b"0123456789")
    source.seek(4)
    assert store.read(store.put(source).key) == b"456789"


def test_keys_tell_nothing_and_are_listed(store: FileStore) -> None:
    keys = {store.put(io.BytesIO(b"same")).key for _ in range(3)}
    assert len(keys) == 3
    assert all(len(key) == 26 and key.isalnum() for key in keys)
    assert set(store.keys()) == keys


def test_three_mebibytes_are_three_parts_and_no_cut_goes_unnoticed(store: FileStore) -> None:
    key = store.put(io.BytesIO(content(3 * MIB))).key
    path = path_of(store, key)
    parts = list(parts_on_disk(path))
    assert len(parts) == 3
    for kept in (parts[:1], parts[:2], parts[1:], [parts[0], parts[2]]):
        path.write_bytes(b"".join(kept))
        with pytest.raises(SealBroken):
            store.read(key)


def test_parts_that_were_swapped_repeated_or_added_are_refused(store: FileStore) -> None:
    key = store.put(io.BytesIO(content(3 * MIB))).key
    path = path_of(store, key)
    one, two, three = parts_on_disk(path)
    for order in ([two, one, three], [one, one, two, three], [one, two, three, three]):
        path.write_bytes(b"".join(order))
        with pytest.raises(SealBroken):
            store.read(key)
    path.write_bytes(one + two + three)
    assert store.read(key) == content(3 * MIB)


def test_a_part_of_another_file_is_refused(store: FileStore) -> None:
    key, other = (store.put(io.BytesIO(content(2 * MIB))).key for _ in range(2))
    first, _ = parts_on_disk(path_of(store, key))
    _, last = parts_on_disk(path_of(store, other))
    path_of(store, key).write_bytes(first + last)
    with pytest.raises(SealBroken):
        store.read(key)


def test_a_file_under_another_key_is_refused(store: FileStore) -> None:
    key, other = (store.put(io.BytesIO(content(900))).key for _ in range(2))
    path_of(store, other).write_bytes(path_of(store, key).read_bytes())
    with pytest.raises(SealBroken):
        store.read(other)


def test_a_changed_byte_and_a_torn_end_are_refused(store: FileStore) -> None:
    key = store.put(io.BytesIO(content(5000))).key
    path = path_of(store, key)
    whole = path.read_bytes()
    for damaged in (
        b"",
        whole[:4],
        whole[:-1],
        whole[:100] + b"x" + whole[101:],
        whole + b"\0\0\0\1x",
    ):
        path.write_bytes(damaged)
        with pytest.raises(SealBroken):
            store.read(key)


def test_a_missing_file_is_told_when_it_is_opened(store: FileStore) -> None:
    key = store.put(io.BytesIO(b"x")).key
    store.drop(key)
    store.drop(key)
    with pytest.raises(Missing):
        store.open(key)
    with pytest.raises(Missing):
        store.read(key)
    assert list(store.keys()) == []


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "a" * 25, "a/" + "b" * 24, "a" * 27])
def test_a_key_is_never_a_way_out_of_the_folder(store: FileStore, key: str) -> None:
    with pytest.raises(Missing):
        store.open(key)


def test_a_broken_source_leaves_nothing_behind(store: FileStore, tmp_path: Path) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= MIB:
                raise OSError("torn")
            return super().read(size)

    with pytest.raises(OSError, match="torn"):
        store.put(Torn(content(2 * MIB)))
    assert [p for p in (tmp_path / "files").rglob("*") if p.is_file()] == []


def test_sealing_anew_moves_a_file_to_the_first_key(tmp_path: Path) -> None:
    plain = content(MIB + 5)
    key = FileStore(tmp_path, Vault([OLD])).put(io.BytesIO(plain)).key
    both = FileStore(tmp_path, Vault([NEW, OLD]))
    assert both.read(key) == plain
    assert both.seal_anew(key) is True
    assert both.seal_anew(key) is False
    assert FileStore(tmp_path, Vault([NEW])).read(key) == plain
    with pytest.raises(SealBroken):
        FileStore(tmp_path, Vault([OLD])).read(key)


def test_old_files_that_nobody_knows_are_dropped_and_no_others(store: FileStore) -> None:
    known, unknown, fresh = (store.put(io.BytesIO(b"x")).key for _ in range(3))
    half = path_of(store, unknown).with_suffix(".part")
    half.write_bytes(b"x")
    before = datetime.now(UTC) - timedelta(days=1)
    for path in (path_of(store, known), path_of(store, unknown), half):
        os.utime(path, (0, 0))
    assert store.drop_unknown(before, lambda keys: {known} & set(keys)) == 2
    assert set(store.keys()) == {known, fresh}
    assert not half.exists()

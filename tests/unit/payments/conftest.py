"""A desk of money with nothing on it; what a test puts there is undone after it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.support.desk import opened


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with opened(tmp_path_factory.mktemp("desk")) as db:
        yield db

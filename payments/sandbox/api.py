"""From an HTTP request to an operation and back: key, fault, idempotency, work."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from payments.sandbox import forms, housekeeping, idempotency
from payments.sandbox.accounts import account_of
from payments.sandbox.config import SandboxConfig
from payments.sandbox.errors import ApiError, no_access, too_many, unavailable
from payments.sandbox.expansion import expand
from payments.sandbox.faults import Faults
from payments.sandbox.forms import Tree
from payments.sandbox.idempotency import InProgress, Kept
from payments.sandbox.logs import log_crash
from payments.sandbox.objects import VERSION, Answer, Call, Operation
from payments.sandbox.params import Params
from payments.sandbox.store import Store

FORM = "application/x-www-form-urlencoded"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Incoming:
    """What is needed of an HTTP request."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: bytes
    body: bytes
    ids: Mapping[str, str]
    request_id: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The answer; ``original`` is the first request's id if this one is a replay."""

    status: int
    body: bytes
    key: str | None = None
    original: str | None = None


class Workers:
    """The threads all blocking work is done in; few, as the state has one writer."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="sandbox")

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        self._pool.shutdown(wait=True)


class Api:
    """Answers the requests under ``/v1``."""

    def __init__(
        self, config: SandboxConfig, store: Store, faults: Faults, workers: Workers
    ) -> None:
        self._config = config
        self._store = store
        self._faults = faults
        self._workers = workers
        self._in_progress = InProgress()

    async def answer(self, operation: Operation, incoming: Incoming) -> Outgoing:
        """Never raises: whatever goes wrong is an answer in the provider's shape."""
        key = None
        try:
            fault = self._faults.take(incoming.method, incoming.path)
            if fault and fault.mode == "down":
                return _refused(unavailable("The sandbox was told to be unavailable.", 503))
            if fault and fault.mode == "busy":
                return _refused(too_many())
            account = account_of(incoming.headers.get("authorization"))
            _check_version(incoming.headers.get("stripe-version"))
            key = _key_of(incoming)
            with self._in_progress.hold(account, key):
                if fault and fault.mode == "slow":
                    await asyncio.sleep(fault.seconds)
                work = partial(self._work, operation, incoming, account, key)
                outgoing = await self._workers.run(work)
        except ApiError as error:
            return _refused(error, key)
        except Exception as error:
            log_crash(error)
            return _refused(unavailable("Internal error.", 500), key)
        if fault and fault.mode == "error_after_work":
            return _refused(unavailable("The sandbox was told to fail after working.", 500), key)
        return outgoing

    def _work(
        self, operation: Operation, incoming: Incoming, account: str, key: str | None
    ) -> Outgoing:
        tree = _params_of(incoming)
        endpoint = f"{incoming.method} {incoming.path}"
        print_ = idempotency.fingerprint(tree) if key else ""
        transaction = partial(
            self._store.transaction,
            account,
            request_id=incoming.request_id,
            idempotency_key=key,
        )
        try:
            with transaction() as tx:
                if key and (kept := idempotency.recall(tx, key, endpoint, print_)):
                    return Outgoing(kept.status, kept.body, key, kept.request_id)
                housekeeping.run_due(tx)
                params = Params(tree)
                paths = params.texts("expand")
                answer = operation.run(Call(tx, account, params, incoming.ids, self._config))
                # A parameter nobody read undoes everything above, which rolls back.
                params.finish()
                if answer.status < 400:
                    expand(tx, answer.body, paths)
                body = answer.encoded()
                if key:
                    kept = Kept(answer.status, body, incoming.request_id)
                    idempotency.remember(tx, key, endpoint, print_, kept)
        except ApiError as error:
            if not (key and error.executed):
                raise
            body = Answer(error.body()).encoded()
            with transaction() as tx:
                kept = Kept(error.status, body, incoming.request_id)
                idempotency.remember(tx, key, endpoint, print_, kept)
            return Outgoing(error.status, body, key)
        return Outgoing(answer.status, body, key)


def _refused(error: ApiError, key: str | None = None) -> Outgoing:
    return Outgoing(error.status, Answer(error.body()).encoded(), key)


def _key_of(incoming: Incoming) -> str | None:
    """Keys have no effect on GET and DELETE, which are idempotent already."""
    if wanted := incoming.headers.get("stripe-account"):
        # Acting on another account than the caller meant would be worse than refusing.
        raise no_access(wanted)
    if incoming.method != "POST":
        return None
    return idempotency.check_key(incoming.headers.get("idempotency-key"))


def _check_version(wanted: str | None) -> None:
    """Shapes are always the newest; a version that cannot be one is a mistake to be told."""
    if wanted and not VERSION.match(wanted):
        raise ApiError(f"Invalid Stripe API version: {wanted[:40]}")


def _params_of(incoming: Incoming) -> Tree:
    content_type = incoming.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if incoming.body and content_type != FORM:
        raise ApiError(f"Parameters are taken as {FORM} only.")
    return forms.decode(incoming.query, incoming.body)

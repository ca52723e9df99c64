"""One function run once for each replica: in threads that take turns, and meet where they merge.

Invariant: at most one of these threads runs at a time, in the order of the replicas, so that what they trace, draw and
create is in the same order every time. All that a thread has around it (scopes, the trace under way) is its caller's;
tapes are not. Entry points: `for_each_replica`, `merge`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from graphtf.distribution.values import regroup, select
from graphtf.ir.binding import active_binder, binding
from graphtf.recording import active
from graphtf.scopes import Place, at, device, inherited, scopes

_NESTED = (
    "`merge_call` called while defining a new graph or a tf.function. This can often happen if the function `fn` "
    "passed to `strategy.run()` contains a nested `@tf.function`, and the nested `@tf.function` contains a "
    "synchronization point, such as aggregating gradients (e.g, optimizer.apply_gradients), or if the function `fn` "
    "uses a control flow statement which contains a synchronization point in the body. Wrap the `fn` passed to "
    "`strategy.run`, or all of `strategy.run`, inside a `tf.function` instead, or move the control flow out of `fn`."
)
_UNEVEN = "Some replicas made a different number of replica_context().merge_call() calls."


class _Abandoned(BaseException):
    """Unwinds a replica that nobody waits for any more."""


class _OfThread(threading.local):
    turn: _Turn | None = None


_of_thread = _OfThread()


class _Turn:
    """A replica's thread: what it runs, and what it asks of the others."""

    def __init__(self, place: Place, on: str, call: Callable[[], Any], created: list[Any]) -> None:
        self.place, self._on, self._call, self._created = place, on, call, created
        self._around = [(local, dict(local.__dict__)) for local in inherited]
        self.binder, self._hook = active_binder(), active.hook
        self._go, self._rests = threading.Semaphore(0), threading.Semaphore(0)
        self.merging: tuple[Callable[..., Any], Sequence[Any], dict[str, Any]] | None = None
        self.merged: Any = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.running, self._abandoned = False, False
        self._thread = threading.Thread(target=self._work, name=f"replica_{place.replica}", daemon=True)
        self._thread.start()

    # ---- in the caller's thread --------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Let it run until it has its result or asks to merge. Raises what it raises."""
        self.running, self.merging = True, None
        self._go.release()
        self._rests.acquire()
        self.running = False
        if self.error is not None:
            raise self.error

    def abandon(self) -> None:
        """End it, wherever it is."""
        self._abandoned = True
        self._go.release()
        if not self.running:  # an interrupted caller does not wait for what still runs
            self._thread.join()

    # ---- in its own --------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._wait()
            for local, state in self._around:
                local.__dict__.update(state)
            _of_thread.turn, active.hook = self, self._hook
            scopes.creators = (*scopes.creators, self._creator())
            with binding(self.binder), at(self.place), device(self._on):
                self.result = self._call()
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - `resume` raises it in the caller's thread
            self.error = error
        finally:
            self._rests.release()

    def _wait(self) -> None:
        self._go.acquire()
        if self._abandoned:
            raise _Abandoned

    def merge(self, fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Stop until `fn` has run for all replicas; its result for this one. Raises RuntimeError in a nested trace."""
        if active_binder() is not self.binder:
            raise RuntimeError(_NESTED)
        self.merging = fn, args, kwargs
        self._rests.release()
        self._wait()
        merged, self.merged = self.merged, None
        return merged

    def _creator(self) -> Callable[..., Any]:
        """What makes variables: the first replica does, the others get the same, in order."""
        rest = iter(self._created)

        def create(next_creator: Callable[..., Any], **kwargs: Any) -> Any:
            if self.place.replica:
                found = next(rest, None)
                if found is None:
                    raise RuntimeError(f"replica {self.place.replica} creates a variable that replica 0 has not")
                return found
            self._created.append(next_creator(**kwargs))
            return self._created[-1]

        return create


def for_each_replica(
    places: Sequence[Place], on: Sequence[str], across: Place, fn: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    """`fn` at each place, on its device, with its part of the arguments; the results regrouped. Functions to merge run
    at `across`.

    Raises RuntimeError where replicas merge unequally often, and what `fn` raises.
    """
    if len(places) == 1:
        with at(places[0]), device(on[0]):
            return regroup([fn(*select(0, args), **select(0, kwargs))])
    created: list[Any] = []
    turns: list[_Turn] = []
    try:
        for k, place in enumerate(places):
            own = (select(k, args), select(k, kwargs))
            turns.append(_Turn(place, on[k], lambda own=own: fn(*own[0], **own[1]), created))
        while _all_turns(turns):
            _merge_all(turns, across)
    finally:
        for turn in turns:
            turn.abandon()
    return regroup([turn.result for turn in turns])


def _all_turns(turns: Sequence[_Turn]) -> bool:
    """Let each replica run until it ends or asks to merge. Do they ask?"""
    for turn in turns:
        turn.resume()
    asking = [turn.merging is not None for turn in turns]
    if any(asking) and not all(asking):
        raise RuntimeError(_UNEVEN)
    return asking[0]


def _merge_all(turns: Sequence[_Turn], across: Place) -> None:
    asked = [turn.merging or (None, (), {}) for turn in turns]
    fn: Any = asked[0][0]
    args, kwargs = regroup([tuple(a) for _, a, _ in asked]), regroup([k for _, _, k in asked])
    with at(across):
        result = fn(across.strategy, *args, **kwargs)
    for k, turn in enumerate(turns):
        turn.merged = select(k, result)


def merge(across: Place, fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """`fn(strategy, *args, **kwargs)` once for all replicas, asked for by each; the result for the one that asks."""
    turn = _of_thread.turn
    if turn is not None and turn.place is scopes.place:
        return turn.merge(fn, args, kwargs)
    with at(across):
        return select(0, fn(across.strategy, *regroup([tuple(args)]), **regroup([kwargs])))

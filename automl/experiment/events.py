"""Checks the events of a journal one by one: their shape, and their order in the experiment."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

from automl.trial.trial import Decision, FailureKind, TrialState

_MOST_EPOCHS = 10_000_000
"""Of one trial: to count up to a number that a flipped bit made would take hours."""
_LARGEST = sys.float_info.max
_CLOSED = ("finished", "failed", "stopped")
_DECISIONS, _STATES, _FAILURES = tuple(Decision), tuple(TrialState), tuple(FailureKind)


class EventError(ValueError):
    """An event that no driver writes, or not at this place."""


class EventCheck:
    """Remembers the trials of the events so far; `epochs` and `metrics` are those of the settings.

    `misfits` yields what is wrong with the values of a trial, beside the search space.
    Kinds of events and keys that it does not know are left alone.
    """

    def __init__(
        self,
        *,
        epochs: int = 0,
        metrics: tuple[str, ...] = (),
        misfits: Callable[[Mapping[str, Any]], Iterable[str]] = lambda _values: (),
    ) -> None:
        self._epochs = epochs
        self._metrics = metrics
        self._misfits = misfits
        self._last_epochs: dict[int, int] = {}
        """The last epoch that each trial reported, 0 before the first."""
        self._given_epochs: dict[int, int] = {}
        """Up to which epoch each trial was to train."""
        self._ended: set[int] = set()

    def check(self, event: Mapping[str, Any]) -> None:
        """Take in the next event; raises `EventError` that says what is wrong with it."""
        kind = event["event"]
        if not _is_number(event.get("time")):
            raise EventError(f"the {kind} has no time")
        _require(_is_number(event.get("elapsed", 0)), "its elapsed is no number")
        check: Callable[[Mapping[str, Any]], None] | None = getattr(self, f"_check_{kind}", None)
        if check is not None:
            check(event)

    def _check_closed(self, event: Mapping[str, Any]) -> None:
        _require(event.get("state") in _CLOSED, f"no session closes {event.get('state')!r}")
        _require_reason(event)

    def _check_start(self, event: Mapping[str, Any]) -> None:
        number, expected = event.get("trial"), len(self._last_epochs)
        if not _is_whole(number) or number != expected:
            raise EventError(f"starts trial {number!r:.40}, but the next is {expected}")
        for key in ("parent", "confirms"):
            other = event.get(key)
            if other is not None and not self._has(other):
                raise EventError(f"its {key}, trial {other!r:.40}, never started")
        _require(_is_mapping(event.get("values")), "its values are no mapping")
        for key, value in event["values"].items():
            if isinstance(value, float | int) and not isinstance(value, bool):
                _require(_is_number(value), f"{key}: is no finite number")
        for fault in self._misfits(event["values"]):
            raise EventError(fault)
        _require(_is_mapping(event.get("adjusted", {})), "its adjusted keys are no mapping")
        _require_numbers(event.get("costs", {}), "costs")
        self._given_epochs[expected] = _epochs(event)
        _require_reason(event)
        if "request" in event:
            _require_request(event)
        self._last_epochs[expected] = 0

    def _check_stop_requested(self, event: Mapping[str, Any]) -> None:
        self._open_trial(event)
        _require_request(event)

    def _check_refused(self, event: Mapping[str, Any]) -> None:
        _require_request(event)
        _require_reason(event)

    def _check_continue(self, event: Mapping[str, Any]) -> None:
        number = self._open_trial(event)
        self._given_epochs[number] = _epochs(event)
        _require(isinstance(event.get("is_interrupted"), bool), "is_interrupted is not a boolean")
        _require_reason(event)

    def _check_report(self, event: Mapping[str, Any]) -> None:
        number, epoch = self._open_trial(event), _whole(event, "epoch")
        last = self._last_epochs[number]
        most = max(self._epochs, self._given_epochs[number])
        # Reports are many: their messages are made only if they are needed.
        if not last < epoch <= most:
            text = f"trial {number} reports epoch {epoch!r:.40} after {last}, of {most}"
            raise EventError(text)
        _require_numbers(event.get("metrics"), "metrics")
        for name in self._metrics:
            if name not in event["metrics"]:
                raise EventError(f"the report has no {name}")
        if event.get("decision") not in _DECISIONS:
            raise EventError(f"{event.get('decision')!r:.40} is no decision")
        _require_reason(event)
        self._last_epochs[number] = epoch

    def _check_lost(self, event: Mapping[str, Any]) -> None:
        self._open_trial(event)
        _require_outcome(event)
        _require(event.get("failure") is not None, "a lost worker has a failure")

    _check_retried = _check_lost

    def _check_halved(self, event: Mapping[str, Any]) -> None:
        self._open_trial(event)
        _require(_is_mapping(event.get("adjusted")), "its adjusted keys are no mapping")

    def _check_shortened(self, event: Mapping[str, Any]) -> None:
        number = self._open_trial(event)
        _require(_is_mapping(event.get("adjusted")), "its adjusted keys are no mapping")
        last, epochs = self._last_epochs[number], _epochs(event)
        _require(last < epochs, f"trial {number} is shortened to {epochs} epochs after {last}")
        _require_reason(event)

    def _check_finish(self, event: Mapping[str, Any]) -> None:
        number = self._open_trial(event)
        _require_outcome(event)
        _require_reason(event)
        # A trial that pauses ends its run, too.
        if TrialState(event["state"]).is_final:
            self._ended.add(number)

    def _check_promoting(self, event: Mapping[str, Any]) -> None:
        number = event.get("trial")
        _require(self._has(number), f"trial {number!r:.40} never started")

    def _check_promoted(self, event: Mapping[str, Any]) -> None:
        promotion: Any = event.get("promotion")
        _require(
            isinstance(promotion, dict)
            and isinstance(promotion.get("onnx"), str)
            and _is_mapping(promotion.get("parity")),
            "the promotion names no model, or has no proof",
        )
        number = promotion.get("trial")
        _require(self._has(number), f"the promoted trial {number!r:.40} never started")
        _require_proof(promotion["parity"])
        _require_numbers(promotion.get("test", {}), "test metrics")
        warnings = promotion.get("warnings", [])
        is_texts = isinstance(warnings, list) and all(isinstance(text, str) for text in warnings)
        _require(is_texts, "the warnings are no list of texts")

    def _has(self, number: Any) -> bool:
        return _is_whole(number) and number in self._last_epochs

    def _open_trial(self, event: Mapping[str, Any]) -> int:
        """Return the number of an event's trial, which has started and not ended."""
        number = event.get("trial")
        if not _is_whole(number) or number not in self._last_epochs:
            raise EventError(f"trial {number!r:.40} never started")
        if number in self._ended:
            raise EventError(f"trial {number} had ended before")
        return number


def _require(is_right: bool, fault: str) -> None:
    if not is_right:
        raise EventError(fault)


def _epochs(event: Mapping[str, Any]) -> int:
    epochs = _whole(event, "epochs")
    if not 0 <= epochs <= _MOST_EPOCHS:
        raise EventError(f"it trains {epochs!r:.40} epochs")
    return epochs


def _whole(event: Mapping[str, Any], key: str) -> int:
    value = event.get(key)
    if not _is_whole(value):
        raise EventError(f"its {key}, {value!r:.40}, is no whole number")
    return value


def _require_reason(event: Mapping[str, Any]) -> None:
    _require(isinstance(event.get("reason", ""), str), "its reason is no text")


def _require_request(event: Mapping[str, Any]) -> None:
    _require(isinstance(event.get("request"), str), "its request has no id")


def _require_numbers(content: Any, name: str) -> None:
    """Null stands for a number that is not finite."""
    _require(_is_mapping(content), "its numbers are no mapping")
    for value in content.values():
        if value is not None and not _is_number(value):
            raise EventError(f"its {name} are no numbers by name")


def _require_proof(parity: Mapping[str, Any]) -> None:
    """Check what the results of a promotion are shown from."""
    _require(isinstance(parity.get("metric"), str), "the proof of the promotion has no metric")
    for name in ("checkpoint", "onnx", "difference", "tolerance"):
        _require(_is_number(parity.get(name)), f"{name} of the promotion is no number")
    latency = parity.get("latency", {})
    _require(_is_mapping(latency), "the latency of the promotion is no mapping")
    for metrics in latency.values():
        _require_numbers(metrics, "latencies")
    for name in ("int8", "engine"):
        model = parity.get(name, {"file": ""})
        is_model = isinstance(model, dict) and isinstance(model.get("file"), str)
        _require(is_model, f"{name} of the promotion names no file")


def _require_outcome(event: Mapping[str, Any]) -> None:
    state, failure = event.get("state"), event.get("failure")
    _require(state in _STATES, f"{state!r:.40} is no state of a trial")
    is_failure = failure is None or (
        isinstance(failure, dict)
        and failure.get("kind") in _FAILURES
        and isinstance(failure.get("message"), str)
    )
    _require(is_failure, f"{failure!r:.80} is no failure")


def _is_whole(value: Any) -> TypeGuard[int]:
    return type(value) is int  # JSON has no others but booleans, which are none.


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -_LARGEST <= value <= _LARGEST


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)

"""Predicts the pictures of several requests at once: those that wait become one batch."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from automl.skill.base import Prediction, ServedModel

Answer = Prediction | Exception
_Waiting = tuple[bytes, "asyncio.Future[Answer]"]


class QueueFullError(Exception):
    """As many pictures wait as may wait."""


class Batcher:
    """A queue of pictures before one model, which runs in a thread of its own."""

    def __init__(
        self, model: ServedModel, *, batch: int, waiting: int, seen: Callable[[int], None]
    ) -> None:
        """Make a batcher.

        Args:
            model: The model.
            batch: The most pictures that are predicted at once.
            waiting: The most pictures that wait.
            seen: Called with the size of each batch.
        """
        self._model, self._batch, self._seen = model, batch, seen
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(waiting)

    async def run(self) -> None:
        """Predict what waits, until cancelled."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            while True:
                batch = [await self._queue.get()]
                while len(batch) < self._batch and not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                # Nobody waits any more for an answer that came too late.
                batch = [(picture, answer) for picture, answer in batch if not answer.done()]
                if not batch:
                    continue
                self._seen(len(batch))
                pictures = [picture for picture, _ in batch]
                answers = await loop.run_in_executor(pool, self._answers, pictures)
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)

    async def predict(self, picture: bytes, *, timeout_s: float) -> Prediction:
        """Return the prediction of a picture file.

        Raises `QueueFullError`, `TimeoutError`, and what the model raises for this picture.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((picture, answer))
        except asyncio.QueueFull:
            raise QueueFullError from None
        outcome = await asyncio.wait_for(answer, timeout_s)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _answers(self, pictures: Sequence[bytes]) -> Sequence[Answer]:
        try:
            return self._model.predict(pictures)
        except Exception as error:  # A skill may raise anything: each request gets to know.
            return [error] * len(pictures)

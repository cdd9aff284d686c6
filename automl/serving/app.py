"""The HTTP service of one model."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from automl.serving.batcher import Batcher, QueueFullError
from automl.skill.base import Prediction, ServedModel
from automl.skill.failures import USER_KINDS, failure_kind

_PAGE = Path(__file__).with_name("page.html")
_MB = 1024 * 1024
Format = Literal["mask", "overlay", "json"]


@dataclass(frozen=True)
class Limits:
    """What the service takes."""

    max_mb: float = 20.0
    """The largest request."""
    timeout_s: float = 30.0
    """The longest that a request waits for its prediction."""
    batch: int = 8
    """The most pictures that are predicted at once."""
    waiting: int = 64
    """The most pictures that wait; further requests are refused."""


def app_of(model: ServedModel, limits: Limits) -> FastAPI:
    """Return the service: a page, POST /predict, /health and /metrics."""
    registry = CollectorRegistry()
    requests = Counter("automl_requests", "Predictions by status", ["status"], registry=registry)
    seconds = Histogram("automl_request_seconds", "Time of a prediction", registry=registry)
    sizes = Histogram(
        "automl_batch_pictures", "Pictures in a batch", registry=registry,
        buckets=[1, 2, 4, 8, 16, 32, 64],
    )  # fmt: skip
    batcher = Batcher(model, batch=limits.batch, waiting=limits.waiting, seen=sizes.observe)

    @contextlib.asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        worker = asyncio.create_task(batcher.run())
        yield
        worker.cancel()

    app = FastAPI(title="automl serve", lifespan=running)

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return _PAGE.read_text(encoding="utf-8")

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ok", **model.facts()}

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.post("/predict")
    async def predict(request: Request, format: Format = "mask") -> Response:
        began, status = time.perf_counter(), 500
        try:
            prediction = await _prediction(request, batcher, limits)
            status = 200
            return await asyncio.to_thread(_response, prediction, format)
        except HTTPException as error:
            status = error.status_code
            raise
        finally:
            requests.labels(str(status)).inc()
            seconds.observe(time.perf_counter() - began)

    return app


async def _prediction(request: Request, batcher: Batcher, limits: Limits) -> Prediction:
    """Return the prediction of the picture of a request; raises `HTTPException`."""
    picture = await _picture(request, limits)
    try:
        return await batcher.predict(picture, timeout_s=limits.timeout_s)
    except QueueFullError:
        text = f"{limits.waiting} pictures are waiting; try again later"
        raise HTTPException(503, text, headers={"Retry-After": "1"}) from None
    except TimeoutError:
        text = f"there was no prediction within {limits.timeout_s:g} s"
        raise HTTPException(504, text) from None
    except Exception as error:  # A skill may raise anything.
        status = 400 if failure_kind(error) in USER_KINDS else 500
        raise HTTPException(status, str(error)) from error


async def _picture(request: Request, limits: Limits) -> bytes:
    """Return the picture file: the body, or the first file of a form."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.max_mb * _MB:
            raise HTTPException(413, f"the request is larger than {limits.max_mb:g} MB")
    content = bytes(body)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        content = await _first_file(request, content)
    if not content:
        raise HTTPException(400, "the request holds no picture; send the file as its body")
    return content


async def _first_file(request: Request, body: bytes) -> bytes:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    try:
        form = await MultiPartParser(request.headers, stream()).parse()  # type: ignore[arg-type]
    except (MultiPartException, KeyError) as error:
        raise HTTPException(400, f"the form cannot be read ({error})") from None
    try:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        return await files[0].read() if files else b""
    finally:
        await form.close()


def _response(prediction: Prediction, format: Format) -> Response:
    if format == "json":
        return JSONResponse(prediction.to_dict())
    png = prediction.mask() if format == "mask" else prediction.overlay()
    return Response(png, media_type="image/png")

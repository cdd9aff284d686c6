import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient
from toy_skill import ToyError

from automl.serving.app import Limits, app_of


class Echo:
    """A prediction that repeats the picture."""

    def __init__(self, picture):
        self.picture = picture

    def mask(self):
        return b"mask of " + self.picture

    def overlay(self):
        return b"overlay of " + self.picture

    def to_dict(self):
        return {"width": len(self.picture), "height": 1, "classes": []}


class Model:
    """A model that can be held, and remembers its batches."""

    def __init__(self):
        self.free, self.batches = threading.Event(), []
        self.free.set()

    def facts(self):
        return {"classes": ["a", "b"]}

    def predict(self, pictures):
        self.batches.append(len(pictures))
        self.free.wait(20)
        return [
            ToyError("bad_data", "the picture is bad") if p == b"bad" else Echo(p) for p in pictures
        ]


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def client(model):
    def make(**limits):
        return TestClient(app_of(model, Limits(**limits)))

    return make


def test_a_picture_is_answered_in_each_format(client):
    with client() as c:
        assert c.post("/predict", content=b"x").content == b"mask of x"
        assert c.post("/predict?format=overlay", files={"file": b"x"}).content == b"overlay of x"
        assert c.post("/predict?format=json", content=b"xyz").json()["width"] == 3
        assert c.get("/health").json() == {"status": "ok", "classes": ["a", "b"]}
        assert "Drop a picture" in c.get("/").text


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [(b"bad", 400, "the picture is bad"), (b"", 400, "holds no picture"),
     (b"x" * 2000, 413, "larger than 0.001 MB")],
)  # fmt: skip
def test_a_request_that_cannot_be_answered_says_why_and_is_counted(client, content, status, text):
    with client(max_mb=0.001) as c:
        answer = c.post("/predict", content=content)
        assert (answer.status_code, text in answer.json()["detail"]) == (status, True)
        assert f'automl_requests_total{{status="{status}"}} 1.0' in c.get("/metrics").text


def test_requests_that_wait_are_predicted_together_and_each_gets_its_own_answer(client, model):
    model.free.clear()
    with client(batch=4) as c, ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(c.post, "/predict", content=b"%d" % i) for i in range(8)]
        threading.Timer(1, model.free.set).start()
        assert [a.result().content for a in answers] == [b"mask of %d" % i for i in range(8)]
    assert sum(model.batches) == 8 and max(model.batches) == 4


def test_too_many_and_too_slow_requests_are_refused(client, model):
    model.free.clear()
    with client(waiting=1, batch=1, timeout_s=0.5) as c, ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(c.post, "/predict", content=b"x") for _ in range(4)]
        statuses = sorted(a.result().status_code for a in answers)
        model.free.set()
    assert statuses[0] == 503 and statuses[-1] == 504 and set(statuses) == {503, 504}

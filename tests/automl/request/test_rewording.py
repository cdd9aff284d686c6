"""A language model behind a real server on this machine: its words pass the same parser."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from automl.errors import UsageError
from automl.request.request import request_from_options
from automl.request.rewording import KEY, with_rewordings
from automl.request.wishes import read_wishes
from automl.skill.installed import load_skill


@pytest.fixture(scope="module")
def server():
    """Serve chat completions that answer with `server.words`, and keep what was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.asked.append((self.path, self.headers.get("Authorization"), body))
            message = {"role": "assistant", "content": self.server.words}
            answer = json.dumps({"choices": [{"message": message}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(server):
    server.asked, server.words = [], "{}"
    return f"http://127.0.0.1:{server.server_port}/v1#small"


@pytest.fixture(scope="module")
def info():
    return load_skill("segformer").info


def test_only_what_was_not_understood_is_asked_and_becomes_options(
    server, address, info, monkeypatch
):
    monkeypatch.setenv(KEY, "word")
    server.words = '```json\n{"it must feel instant": "under 20 ms"}\n```'
    wishes = with_rewordings(read_wishes("two hours, it must feel instant", info), address, info)
    assert dict(wishes.options) == {"time": "2h", "constraint": ("latency_ms<=20",)}
    assert wishes.not_understood == ()
    assert "'it must feel instant' reworded as 'under 20 ms'" in wishes.note()
    ((path, key, body),) = server.asked
    assert (path, key, body["model"]) == ("/v1/chat/completions", "Bearer word", "small")
    assert body["messages"][1]["content"] == "it must feel instant"


@pytest.mark.parametrize(
    "words",
    ["make it purple", "rm -rf /", "", "--policy off", "no HPO please", "under 20 ms and purple",
     "three hours"],
)  # fmt: skip
def test_words_that_the_parser_does_not_read_or_that_contradict_change_nothing(
    server, address, info, words
):
    server.words = json.dumps({"it must feel instant": words, "other": "under 5 ms"})
    before = read_wishes("two hours, it must feel instant", info)
    assert with_rewordings(before, address, info).options == before.options
    assert with_rewordings(before, address, info).not_understood == ("it must feel instant",)


def test_nothing_is_asked_where_all_is_understood(server, address, info):
    assert with_rewordings(read_wishes("two hours", info), address, info).reworded == ()
    assert server.asked == []


@pytest.mark.parametrize("words", ["I cannot", "[1]", "{not json}"])
def test_an_answer_that_is_no_object_is_one_line(server, address, info, words):
    server.words = words
    with pytest.raises(UsageError, match="answered something else than a JSON object"):
        with_rewordings(read_wishes("it must feel instant", info), address, info)


@pytest.mark.parametrize(
    ("address", "match"),
    [("http://127.0.0.1:9/v1", "does not answer"), ("localhost:80", "is not allowed"),
     ("file:///etc/passwd", "is not allowed"), ("http://[::1", "is not allowed"),
     ("http://a:99999", "is not allowed"), ("http://a b", "does not answer")],
)  # fmt: skip
def test_a_server_that_cannot_be_asked_is_one_line(info, address, match):
    with pytest.raises(UsageError, match=match):
        with_rewordings(read_wishes("it must feel instant", info), address, info)


def test_the_flag_reaches_the_request(server, address):
    server.words = '{"it must feel instant": "under 20 ms"}'
    request = request_from_options(
        {"skill": "segformer", "request": "it must feel instant", "request_model": address}
    )
    assert request.wishes.options == {"constraint": ("latency_ms<=20",)}


@pytest.mark.parametrize("address", ["foo", ""])
def test_an_address_that_is_none_is_refused_though_nothing_is_asked(address):
    given = {"skill": "segformer", "request": "two hours", "request_model": address}
    with pytest.raises(UsageError, match="--request-model: .* is not allowed"):
        request_from_options(given)


def test_without_a_request_the_flag_is_refused(address):
    with pytest.raises(UsageError, match="--request-model: has no effect without --request"):
        request_from_options({"skill": "segformer", "request_model": address})


@pytest.mark.parametrize(
    ("answer", "match"),
    [(b"garbage\r\n\r\n", "does not answer .garbage."),
     (b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:%d/v1\r\n\r\n", "Error 302: Found")],
)  # fmt: skip
def test_garbage_and_redirects_are_one_line_and_take_the_key_nowhere(
    server, address, info, monkeypatch, answer, match
):
    monkeypatch.setenv(KEY, "word")
    answer = answer % server.server_port if b"%d" in answer else answer

    class Raw(socketserver.StreamRequestHandler):
        def handle(self):
            self.request.recv(65536)
            self.wfile.write(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Raw) as raw:
        thread = threading.Thread(target=raw.handle_request)
        thread.start()
        wishes = read_wishes("it must feel instant", info)
        with pytest.raises(UsageError, match=match) as caught:
            with_rewordings(wishes, f"http://127.0.0.1:{raw.server_address[1]}/v1", info)
        thread.join()
    assert "\n" not in str(caught.value) and server.asked == []

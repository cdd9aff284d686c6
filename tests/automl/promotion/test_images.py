"""URLs and paths of which no image can be had."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from automl.errors import UsageError
from automl.promotion.images import gathered


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/garbage.png":
            self.wfile.write(b"garbage\r\n\r\n")
            return
        self.send_response(200)
        self.send_header("Content-Length", "3" if self.path == "/whole.png" else "1000")
        self.end_headers()
        self.wfile.write(b"abc")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_whole_download_is_taken(server, tmp_path):
    assert gathered([f"{server}/whole.png"], tmp_path) == {
        str(tmp_path / "whole.png"): f"{server}/whole.png"
    }


@pytest.mark.parametrize(
    ("image", "reason"),
    [("SERVER/garbage.png", "cannot be fetched (garbage)"),
     ("SERVER/short.png", "cannot be fetched (it ends 997 bytes too early)"),
     ("SERVER/", "must end with the name of a file"), ("SERVER", "must end with the name"),
     ("SERVER/..", "must end with the name"), ("SERVER/%00.png", "must end with the name"),
     ("SERVER/" + "a" * 300 + ".png", "must end with the name"),
     ("http://[::1", "is no URL"), ("http://a b/x.png", "cannot be fetched"),
     ("http://127.0.0.1:99999/x.png", "is no URL"),
     ("a" * 300 + ".png", ""), ("", "name an image")],
)  # fmt: skip
def test_what_cannot_be_had_is_one_line_with_its_name(server, tmp_path, image, reason):
    image = image.replace("SERVER", server)
    with pytest.raises(UsageError) as caught:
        gathered([image], tmp_path)
    (fault,) = caught.value.faults
    assert fault.startswith(f"{image or repr(image)}: ") and reason in fault
    assert "\n" not in fault and str(tmp_path) not in fault and not list(tmp_path.iterdir())

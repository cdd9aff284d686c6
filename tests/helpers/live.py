"""A live server in this process, a browser of few words, and a journal that grows."""

import json
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection

from automl.experiment.experiment import Experiment, space_of
from automl.experiment.journal import Journal
from automl.live.server import LiveServer
from automl.live.source import LiveExperiment


@contextmanager
def served(*roots, **options):
    """Serve some experiments on a free port of loopback; yield the server."""
    experiments = [LiveExperiment(root) for root in roots]
    server = LiveServer(experiments, host="127.0.0.1", port=0, **options)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Browser:
    """Asks as a browser does that has opened the printed address."""

    def __init__(self, server):
        self.server = server
        self.headers = {"Cookie": f"{server.cookie}={server.token}"}

    def ask(self, path, *, method="GET", body=None, headers=None):
        """Return status and text of an answer, without following it elsewhere."""
        connection = HTTPConnection("127.0.0.1", self.server.server_address[1], timeout=60)
        connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, answer.headers

    def post(self, path, content, **headers):
        named = {"Content-Type": "application/json", "X-Automl-Token": self.server.action_token}
        return self.ask(path, method="POST", body=json.dumps(content), headers={**named, **headers})

    def changes(self, since, place="/"):
        return json.loads(self.ask(f"{place}changes?since={since}")[1])

    def changes_of(self, section, since, place="/"):
        """Wait until a section has changed, and return what changed since."""
        while section not in (found := self.changes(since, place))["sections"]:
            time.sleep(0.1)
        return found


class Search:
    """The journal of an experiment that grows as a test says."""

    def __init__(self, root):
        self.root = root
        self.journal = Journal(root / "journal.jsonl")
        self.time = 0.0

    def append(self, *events):
        for event in events:
            self.time += 1.0
            self.journal.append({"time": self.time, "elapsed": self.time, **event})

    def values(self, **changes):
        experiment = Experiment.load(self.root)
        return {**space_of(experiment.paths, experiment.settings).defaults(), **changes}

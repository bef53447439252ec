"""A Polity server as a child process, and what it leaves in its data directory."""

import email
import email.policy
import os
import re
import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import requests

START_LIMIT_S = 30
STOP_LIMIT_S = 30
MAIL_LIMIT_S = 15
REQUEST_LIMIT_S = 20.0

# Before a command: ends it when the tests are killed. It becomes the command, so a signal reaches that.
ENDS_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

PASSWORD = "correct horse battery staple"


def wait_for(look, limit_s, what):
    """What `look` returns, as soon as it is something."""
    end = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < end, f"no {what} within {limit_s} s"
        time.sleep(0.05)
    return found


@dataclass
class Server:
    """What answers at a URL: one process, or several behind a proxy."""

    url: str
    processes: list
    key: str = ""

    @property
    def data_dir(self):
        return self.processes[0].data_dir

    def call(self, method, path, token=None, **kwargs):
        """One HTTP request, as a client without an SDK sends it."""
        headers = kwargs.pop("headers", {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(method, self.url + path, headers=headers, timeout=REQUEST_LIMIT_S, **kwargs)

    def operator_key(self):
        return self.key or (self.data_dir / "operator.key").read_text().strip()

    def operator(self, method, path, **kwargs):
        """What an operator's request is answered with; it must succeed."""
        reply = self.call(method, f"/operator/v1{path}", self.operator_key(), **kwargs)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def links(self, to, about):
        """The links in the mails to an address that contain a word."""
        texts = [text for recipient, text in self._mails() if to in recipient]
        return [link for text in texts for link in re.findall(r"https?://\S+", text) if about in link]

    def link_id(self, to, about):
        """The id at the end of the link in a mail that must have arrived or be about to."""
        links = wait_for(lambda: self.links(to, about), MAIL_LIMIT_S, f"mail to {to} about {about}")
        return links[-1].rsplit("/", 1)[1]

    def _mails(self):
        for path in sorted((self.data_dir / "outbox").glob("*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = mail.get_body(("plain",))
            yield str(mail["to"]), body.get_content() if body else ""


class Process:
    """A `polity serve` with a folder of its own; it is starting when this returns."""

    def __init__(self, folder, **env):
        self.folder = folder
        self.data_dir = folder / "data"
        self._out, self._log = folder / "stdout", folder / "stderr"
        command = [*ENDS_WITH_US, os.environ["POLITY_BIN"], "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data_dir]
        environment = without_settings() | {"POLITY_RATE_LIMIT": "off"} | env
        with self._out.open("wb") as stdout, self._log.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment
            )

    def address(self):
        """Host and port, once it answers."""
        return wait_for(self._address, START_LIMIT_S, "server")[1]

    def _address(self):
        assert self._process.poll() is None, f"the server did not start:\n{self._log.read_text()}"
        return re.search(r"^polity listening on http://(127\.0\.0\.1:\d+)$", self._out.read_text(), re.MULTILINE)

    def metrics(self):
        """Its own metrics: a proxy does not pass them on."""
        return requests.get(f"http://{self.address()}/metrics", timeout=REQUEST_LIMIT_S).text

    def terminate(self):
        self._process.terminate()

    def stop(self):
        """Stops it, which must end well."""
        self.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        code = self._process.returncode
        assert code == 0, f"the server ended with {code}:\n{self._log.read_text()}"


@contextmanager
def serve(folder, **env):
    """Runs a server in an empty folder, on the embedded database."""
    process = Process(folder, **env)
    with ExitStack() as stack:
        stack.callback(process.stop)
        yield Server(f"http://{process.address()}", [process])


def without_settings():
    """The environment, without what Polity would act on."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POLITY_")}

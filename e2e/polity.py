"""A Polity server as a child process, and what it leaves in its data directory."""

import email
import email.policy
import os
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

START_LIMIT_S = 30
STOP_LIMIT_S = 30
MAIL_LIMIT_S = 15
REQUEST_LIMIT_S = 20.0

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
    url: str
    data_dir: Path

    def call(self, method, path, token=None, **kwargs):
        """One HTTP request, as a client without an SDK sends it."""
        headers = kwargs.pop("headers", {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(method, self.url + path, headers=headers, timeout=REQUEST_LIMIT_S, **kwargs)

    def operator_key(self):
        return (self.data_dir / "operator.key").read_text().strip()

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


@contextmanager
def serve(folder, **env):
    """Runs a server in an empty folder. It must start, and end well on SIGTERM."""
    out, log, data_dir = folder / "stdout", folder / "stderr", folder / "data"
    command = [os.environ["POLITY_BIN"], "serve", "--listen", "127.0.0.1:0", "--data-dir", str(data_dir)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("POLITY_")}
    environment = {**inherited, "POLITY_RATE_LIMIT": "off", **env}
    with out.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment)

    def address():
        assert process.poll() is None, f"the server did not start:\n{log.read_text()}"
        return re.search(r"^polity listening on (http://127\.0\.0\.1:\d+)$", out.read_text(), re.MULTILINE)

    try:
        yield Server(wait_for(address, START_LIMIT_S, "server")[1], data_dir)
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert process.returncode == 0, f"the server ended with {process.returncode}:\n{log.read_text()}"

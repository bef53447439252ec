"""nginx before the replicas of a test, with the example configuration of `docs/scale.md`."""

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from polity import ENDS_WITH_US, wait_for

LIMIT_S = 30

DOCUMENT = Path(__file__).parent.parent / "docs/scale.md"

# What belongs around the example. nginx may be unpacked and not installed, so every path is named. One process, and
# as the user of the tests: another could not enter its folder.
AROUND = """
daemon off;
master_process off;
error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    %s
}
"""


def program():
    path = os.environ.get("POLITY_TEST_NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert path, "nginx is not installed: `cargo xtask test` provides it"
    return path


def example(port, replicas, certificate=None):
    """The text of the document, for these addresses; without TLS, unless there is a file with certificate and key."""
    (text,) = re.findall(r"^```nginx\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    for old, new in (
        *((f"server 10.0.0.{n}:8080;", f"server {address};") for n, address in enumerate(replicas, 1)),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port}{' ssl' if certificate else ''};"),
        ("ssl_certificate /etc/ssl/certs/polity.pem;", f"ssl_certificate {certificate};" if certificate else ""),
        (
            "ssl_certificate_key /etc/ssl/private/polity.pem;",
            f"ssl_certificate_key {certificate};" if certificate else "",
        ),
    ):
        assert text.count(old) == 1, f"{DOCUMENT} should say {old!r} once"
        text = text.replace(old, new)
    assert "server 10.0.0." not in text, f"{DOCUMENT} has more replicas than the tests"
    return text


@contextmanager
def nginx(folder, port, replicas, certificate=None):
    """Runs nginx on a port, before replicas at these addresses."""
    folder.mkdir()
    config, log = folder / "nginx.conf", folder / "stderr"
    config.write_text(AROUND % example(port, replicas, certificate))
    command = [*ENDS_WITH_US, program(), "-e", "stderr", "-p", folder, "-c", config]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)

    def is_up():
        assert process.poll() is None, f"nginx did not start:\n{log.read_text()}"
        # Written once it listens.
        return (folder / "nginx.pid").exists()

    try:
        wait_for(is_up, LIMIT_S, "nginx")
        yield
    finally:
        process.terminate()
        process.wait(LIMIT_S)

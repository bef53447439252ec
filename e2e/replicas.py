"""Two replicas behind nginx, on a PostgreSQL database of their own: requests go to them in turn."""

import os
import secrets
import subprocess
from contextlib import ExitStack, contextmanager

from nginx import nginx
from polity import START_LIMIT_S, Process, Server, without_settings
from postgres import free_port


def migrate(url):
    """Brings the schema of an empty database up to date."""
    environment = without_settings() | {"POLITY_DATABASE_URL": url}
    subprocess.run([os.environ["POLITY_BIN"], "migrate"], env=environment, check=True, timeout=START_LIMIT_S)


@contextmanager
def serve(folder, cluster, **env):
    """Runs the replicas and nginx in an empty folder."""
    key, port = secrets.token_hex(32), free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        settings = {
            "POLITY_DATABASE_URL": stack.enter_context(cluster.database()),
            "POLITY_SECRET_KEY": secrets.token_hex(32),
            "POLITY_OPERATOR_KEY": key,
            "POLITY_PUBLIC_URL": url,
            "POLITY_TRUSTED_PROXIES": "127.0.0.1",
            # Within the bound, a replica may answer from what it remembers. With 0 it remembers nothing, and the next
            # request sees what the last one changed, whichever replica it goes to. What holds within the bound is
            # tested in Rust, where a test can wait for a replica to catch up.
            "POLITY_REVOCATION_BOUND_MS": "0",
            **env,
        }
        processes = []
        for directory in _directories(folder):
            process = Process(directory, **settings)
            stack.callback(process.stop)
            processes.append(process)
        # Told first, so that they end at the same time.
        stack.callback(lambda: [process.terminate() for process in processes])
        addresses = [process.address() for process in processes]
        stack.enter_context(nginx(folder / "nginx", port, addresses))
        yield Server(url, processes, key)


def _directories(folder):
    """A directory for each replica. Both write mail to the outbox of the first, where a test looks for it."""
    first, second = folder / "1", folder / "2"
    (first / "data/outbox").mkdir(parents=True)
    (second / "data").mkdir(parents=True)
    (second / "data/outbox").symlink_to(first / "data/outbox")
    return first, second

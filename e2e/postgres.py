"""A PostgreSQL cluster that is thrown away: made once for a run of pytest, gone with it, however that ends.

The Rust tests have the same in `tests/src/postgres`; the reasons are there.
"""

import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from polity import wait_for

START_LIMIT_S = 120
STOP_LIMIT_S = 60

USER = "polity"
NOBODY = 65534

# What has to be free in memory for a directory there: a database is made of hundreds of small files.
ROOM_BYTES = 1 << 30

# Durability ends with the machine, which no test outlives.
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = off
full_page_writes = off
min_wal_size = 32MB
max_wal_size = 192MB
timezone = UTC
"""

# Ends the server and removes the directory when the pipe ends that only the tests hold.
WATCHDOG = """
programs=$1 directory=$2 port=$3
"$programs/initdb" --username polity --auth trust --encoding UTF8 --locale C.UTF-8 --no-sync --no-instructions \
    --pgdata "$directory/data" >"$directory/log" 2>&1
cat "$directory/settings" >>"$directory/data/postgresql.conf"
"$programs/postgres" -D "$directory/data" -c port="$port" </dev/null >>"$directory/log" 2>&1 &
read -r _
kill -QUIT $!
wait $!
rm -rf "$directory"
"""


def programs():
    """The directory of PostgreSQL's programs: as told, else the newest of Debian's, else the one on the path."""
    if told := os.environ.get("POLITY_TEST_POSTGRES"):
        return Path(told).absolute()
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").is_file()]
    if debian:
        return max(debian, key=lambda path: int(path.parent.name))
    on_path = shutil.which("postgres")
    assert on_path, "PostgreSQL is not installed: `cargo xtask test` provides it"
    return Path(on_path).resolve().parent


def free_port():
    """A port that was free a moment ago, below those the system hands out by itself."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Cluster:
    """A running cluster. Each server of a test gets a copy of a template in it."""

    def __init__(self, port):
        self._port = port
        self._made = 0
        self._session = Session(port)

    def url(self, name):
        return f"postgres://{USER}@127.0.0.1:{self._port}/{name}"

    def make_template(self, prepare):
        """Makes the template; `prepare` gets the URL of an empty database."""
        self._session.run("create database template_polity template template0")
        prepare(self.url("template_polity"))

    @contextmanager
    def database(self):
        """The URL of a copy of the template, which is dropped afterwards."""
        self._made += 1
        name = f"t_{self._made}"
        # Copying files is twice as fast as writing all pages to the log.
        self._session.run(f"create database {name} template template_polity strategy file_copy")
        try:
            yield self.url(name)
        finally:
            self._session.run(f"drop database {name} with (force)")


class Session:
    """A connection that runs statements and looks at no rows: too little to need a driver."""

    def __init__(self, port):
        self._stream = socket.create_connection(("127.0.0.1", port), START_LIMIT_S).makefile("rwb")
        self._send(b"", struct.pack("!i", 3 << 16) + f"user\0{USER}\0database\0postgres\0\0".encode())

    def run(self, statement):
        self._send(b"Q", statement.encode() + b"\0")

    def _send(self, kind, body):
        self._stream.write(kind + struct.pack("!i", len(body) + 4) + body)
        self._stream.flush()
        refusal, kind = None, None
        while kind != b"Z":
            head = self._stream.read(5)
            assert len(head) == 5, f"PostgreSQL hung up: {refusal}"
            kind, size = struct.unpack("!ci", head)
            body = self._stream.read(size - 4)
            if kind == b"E":
                refusal = body.replace(b"\0", b" ").decode()
        assert refusal is None, refusal


@contextmanager
def cluster():
    """Runs a cluster. It refuses to run as root, so root's runs as nobody."""
    as_nobody = os.geteuid() == 0
    directory = Path(tempfile.mkdtemp(prefix="polity-postgres-", dir=_roomy()))
    (directory / "settings").write_text(SETTINGS)
    if as_nobody:
        shutil.chown(directory, NOBODY, NOBODY)
    port = free_port()
    watchdog = subprocess.Popen(
        ["sh", "-c", WATCHDOG, "watchdog", programs(), directory, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        # Nothing that PostgreSQL would act on.
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
        # An interrupt from the terminal is for the tests; what follows from it is noticed by the pipe.
        start_new_session=True,
        **({"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_nobody else {}),
    )
    try:
        wait_for(lambda: _is_ready(directory), START_LIMIT_S, "PostgreSQL")
        yield Cluster(port)
    except BaseException as error:
        error.add_note((directory / "log").read_text(errors="replace")[-4000:])
        raise
    finally:
        watchdog.stdin.close()
        watchdog.wait(STOP_LIMIT_S)


def _is_ready(directory):
    """Whether it accepts connections, which it writes into the file that locks its directory."""
    try:
        lines = (directory / "data/postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def _roomy():
    """The file system in memory, when it has room."""
    shared = Path("/dev/shm")
    has_room = shared.is_dir() and shutil.disk_usage(shared).free >= ROOM_BYTES
    return shared if has_room and os.access(shared, os.W_OK) else None

"""A PostgreSQL of one test alone, to be stopped, frozen and started again. `cargo xtask with-postgres` shares one among
all tests, which outages would hurt."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from conftest import free_port


def programs() -> pathlib.Path | None:
    """The folder of the server programs: Debian's newest version, else one from PATH."""
    debian = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    folders = debian[::-1] + ([pathlib.Path(on_path).resolve().parent] if on_path else [])
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


class Cluster:
    """One PostgreSQL. As root it runs as another account, because PostgreSQL refuses root."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-outage-", dir="/tmp"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.url = f"postgres://keywright@127.0.0.1:{self.port}/postgres"
        self.account = {}
        if os.geteuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = names.get("postgres") or names["nobody"]
            self.account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self.run("initdb", "--no-sync", "-U", "keywright", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")

    def run(self, program, *arguments):
        command = [programs() / program, "-D", self.data, *arguments]
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, **self.account)
        assert done.returncode == 0, done.stdout

    def start(self) -> "Cluster":
        options = f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories= -c fsync=off"
        self.run("pg_ctl", "-w", "-s", "-l", str(self.folder / "log"), "-o", options, "start")
        return self

    def stop(self):
        """As a crash does: no goodbye to anybody."""
        self.run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")

    def processes(self) -> list[int]:
        """The postmaster first, then whatever it has started."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    def freeze(self):
        """It holds its connections and takes new ones, and answers nothing."""
        for process in self.processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self):
        for process in self.processes():
            os.kill(process, signal.SIGCONT)

    def ask(self, statement: str) -> str:
        command = [programs() / "psql", self.url, "-qAtc", statement]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    def remove(self):
        if (self.data / "postmaster.pid").exists():
            self.thaw()
            self.stop()
        shutil.rmtree(self.folder)


def wait_until(true, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)

"""The power cut: what a disk holds when the machine loses power is only what was pushed to it.

A data folder lies on a file system in an image. At a random moment the server is stopped dead and the image copied: the
copy holds only what fsync pushed to the block layer, as a disk would after a power cut. The copy is mounted, and a
server on it must still know every change that was acknowledged. The negative control, a writer with fsync switched off,
must lose some, or the test proves nothing. Needs root, loop devices and mkfs.ext4: `make powercut`.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "python"))

import requests  # noqa: E402

from conftest import Server  # noqa: E402

ROUNDS = int(os.environ.get("KEYWRIGHT_POWERCUT_ROUNDS", "10"))
IMAGE_MIB = 160
WRITEBACK = pathlib.Path("/proc/sys/vm/dirty_writeback_centisecs")


@contextlib.contextmanager
def mounted(image: pathlib.Path, folder: pathlib.Path):
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def new_image(path: pathlib.Path):
    with path.open("wb") as file:
        file.truncate(IMAGE_MIB * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(path)], check=True)


def keep_writing(server, token, acknowledged):
    caller = server.caller(token)
    try:
        while True:
            answer = caller.in_tenant("POST", "api-keys/create", {"scopes": ["api:read"]})
            if answer.status_code == 201:
                acknowledged.append(answer.json()["id"])
    except requests.RequestException:
        return


def server_round(work: pathlib.Path, number: int) -> int:
    """One cut. Answers how many acknowledged changes were held against the disk."""
    image, copy = work / "disk.img", work / "cut.img"
    new_image(image)
    acknowledged = []
    with mounted(image, work / "disk") as disk:
        server = Server(disk, log="error")
        server.log = work / f"output-{number}.log"
        token = server.start().sign_in()
        writers = [threading.Thread(target=keep_writing, args=(server, token, acknowledged)) for _ in range(2)]
        for writer in writers:
            writer.start()
        time.sleep(random.uniform(0.3, 1.2))
        known = list(acknowledged)
        server.process.send_signal(signal.SIGSTOP)
        shutil.copyfile(image, copy)
        server.kill()
        for writer in writers:
            writer.join()
    with mounted(copy, work / "cut") as disk:
        server = Server(disk, log="error")
        server.log = work / f"restart-{number}.log"
        caller = server.start().admin()
        for key in known:
            assert caller.in_tenant("GET", f"api-keys/{key}").status_code == 200, f"{key} was lost in round {number}"
        report = caller.call("GET", "/api/v1/audit/verify").json()
        assert report["valid"], report
        assert server.stop() == 0
    return len(known)


def control_round(work: pathlib.Path) -> bool:
    """A writer that does not wait for the disk. Answers whether the cut lost something that it acknowledged."""
    image, copy = work / "control.img", work / "control-cut.img"
    new_image(image)
    script = (
        "import sqlite3,sys\n"
        "db=sqlite3.connect(sys.argv[1],isolation_level=None)\n"
        "db.execute('PRAGMA journal_mode=WAL'); db.execute('PRAGMA synchronous=OFF')\n"
        "db.execute('CREATE TABLE t(n INTEGER)')\n"
        "n=0\n"
        "while True:\n"
        "    n+=1; db.execute('INSERT INTO t VALUES(?)',(n,)); print(n,flush=True)\n"
    )
    with mounted(image, work / "disk") as disk:
        writer = subprocess.Popen([sys.executable, "-c", script, str(disk / "c.db")], stdout=subprocess.PIPE, text=True)
        known, deadline = 0, time.monotonic() + 1
        while time.monotonic() < deadline:
            known = int(writer.stdout.readline())
        writer.send_signal(signal.SIGSTOP)
        shutil.copyfile(image, copy)
        writer.kill()
        writer.wait()
        writer.stdout.close()
    with mounted(copy, work / "cut") as disk:
        try:
            with contextlib.closing(sqlite3.connect(disk / "c.db")) as database:
                found = database.execute("SELECT MAX(n) FROM t").fetchone()[0] or 0
        except sqlite3.DatabaseError:
            found = 0
    return found < known


def main():
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        sys.exit("the power cut needs root and mkfs.ext4")
    random.seed(4)
    before = WRITEBACK.read_text()
    work = pathlib.Path(tempfile.mkdtemp(prefix="keywright-powercut-"))
    WRITEBACK.write_text("0\n")
    try:
        held = [server_round(work, number) for number in range(ROUNDS)]
        lost = [control_round(work) for _ in range(3)]
    finally:
        WRITEBACK.write_text(before)
        shutil.rmtree(work, ignore_errors=True)
    print(json.dumps({"cuts": ROUNDS, "acknowledged": sum(held), "lost": 0, "control_lost": lost.count(True), "of": len(lost)}))
    assert all(lost), "the negative control lost nothing, so this machine cannot show a power cut"
    assert min(held) > 0


if __name__ == "__main__":
    main()

"""The database is down, hangs, has no room, or cannot keep what it is given: every answer comes in bounded time, nothing
passes that should not, nothing acknowledged is lost, and all heals without a restart. docs/operations/outages.md says
the same to operators."""

import os
import subprocess
import threading
import time

import pytest
import requests

from conftest import TENANT, Server
from private_postgres import Cluster, programs, wait_until
from system_faults import Fault

# What docs/operations/outages.md promises, in seconds.
ANSWERED_WITHIN = 2.0
BACK_WITHIN = 5.0
# A shared machine may stall us; a promise of 2 s that is kept in 10 s is broken all the same.
SLACK = 0.8


@pytest.fixture
def cluster():
    if programs() is None:
        assert not os.environ.get("KEYWRIGHT_REQUIRE_POSTGRES"), "PostgreSQL must be there"
        pytest.skip("PostgreSQL's server programs are not installed")
    cluster = Cluster()
    yield cluster.start()
    cluster.remove()


@pytest.fixture
def staged(tmp_path):
    """Makes a scene on a server with these settings, and ends the server."""
    servers = []

    def make(**settings) -> "Scene":
        servers.append(Server(tmp_path, log="warn", **settings))
        return Scene(servers[-1])

    yield make
    for server in servers:
        if server.process and server.process.poll() is None:
            server.kill()


class Scene:
    """A server with keys that it knows, one that it has never seen, and a system key to ask with."""

    def __init__(self, server: Server):
        self.server = server.start()
        self.admin = server.admin()
        self.known = [self.admin.create(name=f"known-{n}")["api_key"] for n in range(20)]
        ended = self.admin.create(name="ended")
        self.revoked = ended["api_key"]
        self.new = [self.admin.create(name=f"new-{n}")["api_key"] for n in range(40)]
        self.asker = server.caller(self.system_key())
        for key in self.known:
            assert self.asker.verify(key)["valid"]
        assert self.admin.in_tenant("POST", f"api-keys/{ended['id']}/revoke").status_code == 200
        assert self.asker.verify(self.revoked)["code"] == "revoked"

    def system_key(self) -> str:
        return self.admin.create(kind="system", scopes=["keywright:*"], name="asker")["api_key"]

    def ask(self, key: str):
        """An answer and the seconds that it took, on a connection of its own."""
        session = requests.Session()
        session.headers.update(self.asker.session.headers)
        began = time.monotonic()
        answer = session.post(self.server.base + "/api/v1/verify", json={"key": key}, timeout=30)
        return answer, time.monotonic() - began

    def checks_of_known_keys(self, number=300) -> list[float]:
        """Each is right; their times in order."""
        times = []
        for n in range(number):
            began = time.monotonic()
            assert self.asker.verify(self.known[n % len(self.known)])["valid"]
            times.append(time.monotonic() - began)
        assert self.asker.verify(self.revoked)["code"] == "revoked"
        return sorted(times)

    def everything_else_says_503(self):
        """New keys and management, many at once: soon, honest, and never a refusal of the key."""
        found, problems = [], []

        def check(key):
            found.append(self.ask(key))

        def manage(method, path, body=None):
            caller = self.server.caller(self.asker.session.headers["Authorization"].removeprefix("Bearer "))
            began = time.monotonic()
            found.append((caller.in_tenant(method, path, body), time.monotonic() - began))

        threads = [threading.Thread(target=check, args=(key,)) for key in self.new + self.new[:1] * 10]
        threads += [threading.Thread(target=manage, args=("POST", "api-keys/create", {})) for _ in range(5)]
        threads += [threading.Thread(target=manage, args=("GET", "api-keys/list")) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == len(threads)
        for answer, seconds in found:
            right = answer.status_code == 503 and answer.json()["code"] == "storage_unavailable"
            if not right or "Retry-After" not in answer.headers or seconds > ANSWERED_WITHIN + SLACK:
                problems.append((answer.request.path_url, answer.status_code, answer.text[:120], round(seconds, 2)))
        assert not problems, problems
        # No database is needed to see that this is no key.
        assert self.ask("nonsense")[0].json()["code"] == "invalid_key"

    def readiness_names_the_database(self):
        began = time.monotonic()
        answer = requests.get(self.server.base + "/readyz", timeout=10)
        assert time.monotonic() - began < ANSWERED_WITHIN + SLACK
        failing = [check["name"] for check in answer.json()["checks"] if check["status"] == "failing"]
        assert (answer.status_code, failing) == (503, ["database"])
        assert requests.get(self.server.base + "/healthz", timeout=1).status_code == 200

    def everything_works_again(self):
        ready = lambda: requests.get(self.server.base + "/readyz", timeout=5).ok
        wait_until(ready, BACK_WITHIN, "ready")
        for key in self.known + self.new:
            assert self.asker.verify(key)["valid"]
        assert self.asker.verify(self.revoked)["code"] == "revoked"
        created = self.admin.create(name="after")
        assert self.asker.verify(created["api_key"])["valid"]
        assert self.admin.in_tenant("POST", f"api-keys/{created['id']}/revoke").status_code == 200
        assert self.asker.verify(created["api_key"])["code"] == "revoked"
        assert self.admin.call("GET", "/api/v1/audit/verify").json()["valid"]


def test_a_stopped_postgres_is_told_and_outlived(cluster, staged):
    scene = staged(database=cluster.url)
    for _ in range(2):
        cluster.stop()
        scene.checks_of_known_keys()
        scene.everything_else_says_503()
        scene.readiness_names_the_database()
        scene.checks_of_known_keys()
        cluster.start()
        back = time.monotonic()
        wait_until(lambda: scene.ask(scene.new[0])[0].status_code == 200, BACK_WITHIN, "a new key is checked")
        scene.everything_works_again()
        assert time.monotonic() - back < BACK_WITHIN + SLACK
        connections = int(cluster.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keywright'"))
        assert connections <= 8 + 1 + 3, "the pool, the listener of the change feed, and what follows it"
        # Not known again, so that the second outage meets new keys too.
        scene.new = [scene.admin.create()["api_key"] for _ in range(40)]
    assert scene.server.stop() == 0
    cluster.stop()
    refused = scene.server.command("serve")
    assert refused.returncode == 1 and "cannot open the database" in refused.stderr, refused.stderr
    assert "panicked" not in refused.stderr + scene.server.log.read_text()


def test_a_hanging_postgres_holds_up_nobody_for_long(cluster, staged):
    scene = staged(database=cluster.url)
    before = scene.checks_of_known_keys()
    for _ in range(2):
        cluster.freeze()
        scene.everything_else_says_503()
        during = scene.checks_of_known_keys()
        middle = lambda times: times[len(times) // 2]
        p99 = lambda times: times[len(times) * 99 // 100]
        assert middle(during) < max(2 * middle(before), 0.005), (middle(before), middle(during))
        # Whoever waited for the database would wait a second; a machine that is shared makes others wait for less.
        assert p99(during) < max(3 * p99(before), 0.1), (p99(before), p99(during))
        scene.readiness_names_the_database()
        # Longer than every time-out, so that what piles up would be seen.
        time.sleep(3)
        scene.everything_else_says_503()
        cluster.thaw()
        scene.everything_works_again()
        scene.new = [scene.admin.create()["api_key"] for _ in range(40)]
    cluster.freeze()
    began = time.monotonic()
    assert scene.server.stop() == 0, "a stop does not wait for it either"
    assert time.monotonic() - began < 10


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small tmpfs to fill")
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", folder], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"this machine does not let us mount a tmpfs: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def create_until(scene, refused: str, most: int) -> dict:
    """Creates keys until that refusal; returns what was acknowledged, by identifier."""
    acknowledged = {}
    for _ in range(most):
        answer = scene.asker.in_tenant("POST", "api-keys/create", {"metadata": {"padding": "x" * 2_000}})
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["code"]) == (503, refused), answer.text
            assert answer.headers["Retry-After"]
            return acknowledged
        acknowledged[answer.json()["id"]] = answer.json()["api_key"]
    raise AssertionError(f"{most} keys were created and none was refused with {refused}")


def nothing_is_lost(scene, acknowledged):
    for key, text in acknowledged.items():
        assert scene.asker.in_tenant("GET", f"api-keys/{key}").status_code == 200
        assert scene.asker.verify(text)["valid"]
    assert scene.admin.call("GET", "/api/v1/audit/verify").json()["valid"]


def test_a_full_disk_refuses_changes_and_heals(small_disk, staged):
    scene = staged(data=str(small_disk))
    acknowledged = create_until(scene, "storage_full", 3_000)
    for _ in range(3):
        again = scene.admin.in_tenant("POST", "api-keys/create", {})
        assert (again.status_code, again.json()["code"]) == (503, "storage_full"), again.text
        scene.checks_of_known_keys(100)
        time.sleep(0.5)
    nothing_is_lost(scene, acknowledged)
    # Also a start needs no room.
    scene.server.kill()
    scene.server.start()
    scene.checks_of_known_keys(100)
    create_until(scene, "storage_full", 1)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    scene.everything_works_again()
    nothing_is_lost(scene, acknowledged)
    scene.server.kill()
    scene.server.start()
    nothing_is_lost(scene, acknowledged)
    assert scene.server.stop() == 0


def bad_disk(server) -> Fault:
    """While it is entered, every sync of the server's files fails with EIO; then the disk is good again."""
    return Fault(server, "fsync,fdatasync", "error=EIO")


def test_a_disk_that_fails_to_sync_stops_acknowledgements(staged):
    scene = staged()
    key = lambda: scene.admin.in_tenant("POST", "api-keys/create", {})
    acknowledged = {}
    for _ in range(3):
        acknowledged |= {it["id"]: it["api_key"] for it in (key().json() for _ in range(20))}
        with bad_disk(scene.server):
            for _ in range(5):
                refused = key()
                assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable"), refused.text
                assert refused.headers["Retry-After"]
                scene.checks_of_known_keys(30)
        # It heals by itself, and goes on where it stood.
        nothing_is_lost(scene, acknowledged)
        acknowledged |= {it["id"]: it["api_key"] for it in (key().json() for _ in range(20))}
    total = lambda: int(scene.asker.in_tenant("GET", "api-keys/list?per_page=1").headers["X-Total-Count"])
    with bad_disk(scene.server):
        assert key().status_code == 503
        before = total()
        scene.server.kill()
    scene.server.start()
    nothing_is_lost(scene, acknowledged)
    assert total() - before in (0, 1), "the last one that was refused may have been kept: nobody was told that it was not"
    scene.everything_works_again()
    assert scene.server.stop() == 0
    offline = scene.server.command("audit", "verify", "--offline")
    assert offline.returncode == 0, offline.stdout + offline.stderr

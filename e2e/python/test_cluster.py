"""Several nodes on one PostgreSQL: what a call took back is refused by all of them once it is answered, and a node that
fell silent is waited for, or named."""

import os
import random
import signal
import statistics
import subprocess
import threading
import time
import uuid

import pytest
import requests

from conftest import Server

ROUNDS = 320
CHAOS_SECONDS = int(os.environ.get("CLUSTER_CHAOS_SECONDS", "20"))


class Cluster:
    """Nodes of one database, each with the keyring of the first."""

    def __init__(self, folder, count, **settings):
        server = os.environ["KEYWRIGHT_TEST_POSTGRES_URL"]
        name = "cluster_" + uuid.uuid4().hex
        subprocess.run(["psql", server, "-qc", f"CREATE DATABASE {name}"], check=True)
        self.url = server.rsplit("/", 1)[0] + "/" + name
        self.nodes = []
        for number in range(count):
            place = folder / str(number)
            (place / "data").mkdir(parents=True, mode=0o700)
            node = Server(place, database=self.url, cluster_node=f"node-{number}", **settings)
            if number:
                keyring = place / "data" / "keyring"
                keyring.write_bytes((folder / "0" / "data" / "keyring").read_bytes())
                keyring.chmod(0o600)
            self.nodes.append(node.start())
        token = self.nodes[0].sign_in()
        self.token = token
        self.callers = [node.caller(token) for node in self.nodes]

    def pause(self, number):
        self.nodes[number].process.send_signal(signal.SIGSTOP)

    def resume(self, number):
        self.nodes[number].process.send_signal(signal.SIGCONT)

    def sql(self, statement, database=None):
        subprocess.run(["psql", database or self.url, "-qAtc", statement], check=True, stdout=subprocess.DEVNULL)

    def lose_database(self):
        """No node can reach it any more."""
        name, server = self.url.rsplit("/", 1)[1], os.environ["KEYWRIGHT_TEST_POSTGRES_URL"]
        self.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", server)
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'", server)

    def find_database(self):
        name, server = self.url.rsplit("/", 1)[1], os.environ["KEYWRIGHT_TEST_POSTGRES_URL"]
        self.sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true", server)

    def end(self):
        for node in self.nodes:
            if node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
                node.kill()


@pytest.fixture
def cluster(tmp_path):
    if not os.environ.get("KEYWRIGHT_TEST_POSTGRES_URL"):
        assert not os.environ.get("KEYWRIGHT_REQUIRE_POSTGRES"), "PostgreSQL must be there"
        pytest.skip("KEYWRIGHT_TEST_POSTGRES_URL is not set")
    made = []

    def make(count=3, **settings):
        made.append(Cluster(tmp_path / str(len(made)), count, **settings))
        return made[-1]

    yield make
    for one in made:
        one.end()


def taken_back(caller, key, how):
    """Takes something back and answers what the call said."""
    path = f"api-keys/{key['id']}"
    if how == "revoke":
        return caller.in_tenant("POST", path + "/revoke")
    if how == "disable":
        return caller.in_tenant("POST", path + "/disable")
    if how == "delete":
        return caller.in_tenant("DELETE", path + "?confirm=true")
    if how == "scopes":
        return caller.in_tenant("PATCH", path, {"scopes": []})
    if how == "role":
        return caller.in_tenant("PATCH", f"roles/{key['roles'][0]}", {"scopes": ["deploy:production"]})
    raise AssertionError(how)


def ask(caller, key):
    """The answer of a check, or the code of the error."""
    answer = caller.call("POST", "/api/v1/verify", json={"key": key, "permissions": "api:read"})
    return answer.json() if answer.status_code == 200 else {"valid": False, "code": answer.json()["code"]}


def test_no_node_accepts_what_an_answered_call_took_back(cluster):
    cluster, spent = cluster(), []
    dice = random.Random(4711)
    for number in range(ROUNDS):
        changing = dice.randrange(3)
        how = dice.choice(["revoke", "disable", "delete", "scopes", "role"])
        wish = {"scopes": ["api:read"]}
        if how == "role":
            role = {"name": f"reader-{number}", "scopes": ["api:read"]}
            assert cluster.callers[0].in_tenant("POST", "roles", role).status_code == 201
            wish = {"roles": [role["name"]]}
        key = cluster.callers[dice.randrange(3)].create(**wish)
        for caller in cluster.callers:
            assert ask(caller, key["api_key"])["valid"], "every node has it in memory"
        began = time.monotonic()
        answer = taken_back(cluster.callers[changing], key, how)
        spent.append(time.monotonic() - began)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Keywright-Propagation"] == "complete"
        for at in [0, 1, 2]:
            said = ask(cluster.callers[(changing + at) % 3], key["api_key"])
            assert not said["valid"], (number, how, changing, at)
    print(f"median of {ROUNDS} changes over 3 nodes: {statistics.median(spent) * 1000:.1f} ms")
    print(f"slowest: {max(spent) * 1000:.1f} ms")


def timed(call):
    """The answer of a call, and how many seconds it took."""
    began = time.monotonic()
    answer = call()
    return answer, time.monotonic() - began


def used_everywhere(cluster, callers, **wish):
    key = callers[0].create(**wish)
    for caller in callers:
        assert ask(caller, key["api_key"])["valid"]
    return key


def until_ready(node, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if requests.get(node.base + "/readyz", timeout=1).ok:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, node.log.read_text()
        time.sleep(0.01)


@pytest.mark.parametrize("how", ["revoke", "scopes"])
def test_strict_a_paused_node_delays_the_call_and_accepts_nothing_afterwards(cluster, how):
    cluster = cluster(cluster_consistency="strict")
    one, two, three = cluster.callers
    key = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    other = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    cluster.pause(2)
    answer, spent = timed(lambda: taken_back(one, key, how))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Keywright-Propagation"] == "complete"
    assert spent < 6.5, "a silent node is waited for no longer than its lease runs"
    assert not ask(two, key["api_key"])["valid"] and ask(two, other["api_key"])["valid"]
    # Checks that are sent now are read by the paused node as soon as it runs, before it hears anything.
    said, threads = [], []
    for _ in range(8):
        caller = cluster.nodes[2].caller(cluster.token)
        threads.append(threading.Thread(target=lambda caller=caller: said.extend(
            ask(caller, key["api_key"]) for _ in range(30))))
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    cluster.resume(2)
    for thread in threads:
        thread.join()
    assert len(said) == 240 and not any(it["valid"] for it in said), said
    print({it["code"] for it in said})
    until_ready(cluster.nodes[2])
    assert ask(three, other["api_key"])["valid"], "it serves again"


def test_bounded_a_paused_node_is_named_and_catches_up(cluster):
    cluster = cluster()
    one, two, three = cluster.callers
    key = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    second = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    cluster.pause(2)
    answer, spent = timed(lambda: taken_back(one, key, "revoke"))
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"success": True, "message": "API key revoked successfully"}
    assert answer.headers["Keywright-Propagation"] == 'pending; unconfirmed="node-2"'
    assert spent < 6.5
    assert ask(two, key["api_key"])["code"] == "revoked"
    # Its lease is over: nobody waits for it a second time.
    answer, spent = timed(lambda: taken_back(two, second, "disable"))
    assert (answer.status_code, answer.headers["Keywright-Propagation"]) == (202, 'pending; unconfirmed="node-2"')
    assert spent < 1
    fourth, command = one.create(), cluster.nodes[0].command
    said = command("keys", "revoke", fourth["id"], env={"KEYWRIGHT_TOKEN": cluster.token})
    assert (said.returncode, said.stdout.strip()) == (0, "API key revoked successfully"), said.stderr
    assert 'unconfirmed="node-2"' in said.stderr
    cluster.resume(2)
    until_ready(cluster.nodes[2])
    for _ in range(50):
        assert ask(three, key["api_key"])["code"] == "revoked"
        assert ask(three, second["api_key"])["code"] == "disabled"
    third = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    answer = taken_back(one, third, "revoke")
    assert (answer.status_code, answer.headers["Keywright-Propagation"]) == (200, "complete")


def test_strict_a_killed_node_is_waited_for_until_its_lease_ends(cluster):
    cluster = cluster(cluster_consistency="strict")
    key = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    second = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    cluster.nodes[2].kill()
    answer, spent = timed(lambda: taken_back(cluster.callers[0], key, "revoke"))
    assert (answer.status_code, answer.headers["Keywright-Propagation"]) == (200, "complete")
    assert spent < 6.5
    answer, spent = timed(lambda: taken_back(cluster.callers[1], second, "revoke"))
    assert answer.status_code == 200 and spent < 1


def test_a_node_that_was_stopped_is_not_waited_for(cluster):
    cluster = cluster()
    key = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    assert cluster.nodes[2].stop() == 0
    answer, spent = timed(lambda: taken_back(cluster.callers[0], key, "revoke"))
    assert (answer.status_code, answer.headers["Keywright-Propagation"]) == (200, "complete")
    assert spent < 1


def test_on_a_database_of_its_own_a_change_is_complete_at_once(admin):
    key = admin.create()
    answer = taken_back(admin, key, "revoke")
    assert (answer.status_code, answer.headers["Keywright-Propagation"]) == (200, "complete")
    assert "Keywright-Propagation" not in admin.in_tenant("POST", "api-keys/create", {}).headers
    checks = admin.call("GET", "/readyz").json()["checks"]
    assert [it["name"] for it in checks] == ["database"], "alone, there is no lease"


@pytest.mark.parametrize("consistency", ["strict", "bounded for 6 s", "available"])
def test_a_node_without_its_database_does_what_its_setting_says(cluster, consistency):
    settings = {"cluster_consistency": consistency.split()[0]}
    if consistency.endswith("s"):
        settings["cluster_max_stale_seconds"] = "6"
    cluster = cluster(1, open_verify="true", **settings)
    admin, anybody = cluster.callers[0], cluster.nodes[0].caller(None)
    good, bad = admin.create(scopes=["api:read"])["api_key"], admin.create()
    assert admin.in_tenant("POST", f"api-keys/{bad['id']}/revoke").status_code == 200
    assert "stale_for" not in ask(anybody, good) and ask(anybody, bad["api_key"])["code"] == "revoked"
    cluster.lose_database()
    lost, began, seen = {"bounded for 6 s": 6, "strict": 5}.get(consistency), time.monotonic(), []
    while time.monotonic() - began < 7.5:
        said = ask(anybody, good)
        seen.append((time.monotonic() - began, said["valid"], said["code"], said.get("stale_for", 0)))
        assert ask(anybody, bad["api_key"])["code"] == "revoked", "what is known to be bad is refused as such"
        time.sleep(0.1)
    held = [it for it in seen if it[0] < 3]
    assert all(valid and stale == 0 for _, valid, _, stale in held), seen
    last = seen[-1]
    if lost:
        assert not any(valid for at, valid, _, _ in seen if at > lost), seen
        assert (last[1], last[2]) == (False, "verification_unavailable"), seen
    else:
        assert all(valid for _, valid, _, _ in seen) and 2 <= last[3] <= 5, seen
    ready = requests.get(cluster.nodes[0].base + "/readyz", timeout=5)
    checks = {it["name"]: it for it in ready.json()["checks"]}
    assert ready.status_code == 503 and checks["lease"]["status"] == "failing" and "lost" in checks["lease"]["detail"]
    cluster.find_database()
    until_ready(cluster.nodes[0])
    said = ask(anybody, good)
    assert said["valid"] and "stale_for" not in said


def test_many_changes_at_once_are_confirmed(cluster):
    cluster, spent, wrong = cluster(), [], []
    keys = [cluster.callers[0].create(scopes=["api:read"]) for _ in range(120)]
    for key in keys:
        assert all(ask(caller, key["api_key"])["valid"] for caller in cluster.callers)

    def work(number):
        callers = [node.caller(cluster.token) for node in cluster.nodes]
        for key in keys[number::24]:
            answer, seconds = timed(lambda: taken_back(callers[number % 3], key, "revoke"))
            spent.append(seconds)
            if answer.status_code != 200 or answer.headers["Keywright-Propagation"] != "complete":
                wrong.append(answer.text)
            wrong.extend(at for at, caller in enumerate(callers) if ask(caller, key["api_key"])["valid"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(spent) == len(keys), wrong
    print(f"24 at once: median {statistics.median(spent) * 1000:.1f} ms, slowest {max(spent) * 1000:.1f} ms")


@pytest.mark.parametrize("consistency", ["strict", "bounded"])
def test_a_node_that_wakes_up_without_its_database_knows_that_its_lease_is_over(cluster, consistency):
    """It holds the revoked key in memory and has no way to hear of the revocation: only its clock tells."""
    cluster = cluster(2, open_verify="true", cluster_consistency=consistency)
    key = used_everywhere(cluster, cluster.callers, scopes=["api:read"])
    cluster.pause(1)
    answer = taken_back(cluster.callers[0], key, "revoke")
    assert answer.status_code == (200 if consistency == "strict" else 202), answer.headers
    cluster.lose_database()
    anybody = [cluster.nodes[1].caller(None) for _ in range(8)]
    said, lock = [], threading.Lock()

    def work(caller):
        for _ in range(20):
            one = ask(caller, key["api_key"])
            with lock:
                said.append((one["valid"], one["code"], one.get("stale_for", 0) > 0))

    threads = [threading.Thread(target=work, args=(caller,)) for caller in anybody]
    for thread in threads:
        thread.start()
    cluster.resume(1)
    for thread in threads:
        thread.join()
    expected = {"strict": (False, "verification_unavailable", False), "bounded": (True, "allowed", True)}[consistency]
    assert len(said) == 160 and set(said) == {expected}, set(said)
    cluster.find_database()
    until_ready(cluster.nodes[1])
    assert ask(anybody[0], key["api_key"])["code"] == "revoked"


def test_strict_nodes_that_stop_and_go_never_accept_what_an_answered_call_took_back(cluster):
    """Two of three nodes are paused for random spans, around the length of a lease and far below."""
    cluster, end, lock = cluster(cluster_consistency="strict"), threading.Event(), threading.Lock()
    wrong, codes, answers = [], {}, {}
    dice = random.Random(1147)

    def stop_and_go(number, dice):
        while not end.is_set():
            cluster.pause(number)
            end.wait(dice.choice([0.02, 0.3, 3, 4.4, 4.6, 5.2]))
            cluster.resume(number)
            end.wait(dice.choice([0.005, 0.05, 0.5, 1.5]))

    def ask_afterwards(key, number, answered):
        said = ask(cluster.nodes[number].caller(cluster.token), key)
        with lock:
            codes[said["code"]] = codes.get(said["code"], 0) + 1
            if answered == "complete" and said["valid"]:
                wrong.append((key, number))

    def work():
        caller, asking = cluster.nodes[0].caller(cluster.token), []
        while not end.is_set():
            key = caller.create(scopes=["api:read"])
            for number in (1, 2):
                try:
                    requests.post(cluster.nodes[number].base + "/api/v1/verify", json={"key": key["api_key"]}, timeout=0.3,
                                  headers={"Authorization": f"Bearer {cluster.token}"})
                except requests.RequestException:
                    pass  # paused: what it read before counts
            answered = taken_back(caller, key, "revoke").headers["Keywright-Propagation"]
            with lock:
                answers[answered] = answers.get(answered, 0) + 1
            for number in (1, 2):
                asking.append(threading.Thread(target=ask_afterwards, args=(key["api_key"], number, answered)))
                asking[-1].start()
        for thread in asking:
            thread.join()

    stoppers = [threading.Thread(target=stop_and_go, args=(number, random.Random(dice.random()))) for number in (1, 2)]
    workers = [threading.Thread(target=work) for _ in range(6)]
    for thread in stoppers + workers:
        thread.start()
    end.wait(CHAOS_SECONDS)
    end.set()
    for thread in stoppers + workers:
        thread.join()
    print(answers, codes)
    assert not wrong and sum(codes.values()) > CHAOS_SECONDS

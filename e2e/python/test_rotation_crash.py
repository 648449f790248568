"""kill -9 between and within the steps of a rotation of the root key and the pepper: every state that is left starts,
no row is unreadable, the rotation goes on where it stood, and the former keys can go in the end."""

import os
import random
import threading

import jwt
import pytest
import requests

from conftest import TENANT
from system_faults import Fault

# Rounds of kills at random moments. Each takes about half a second.
ROUNDS = int(os.environ.get("KEYWRIGHT_ROTATION_ROUNDS", "20"))


class House:
    """A server, keys of every format, and a token that outlives its restarts."""

    def __init__(self, server):
        self.server = server.start()
        self.token = server.sign_in()
        self.keys = [self.admin().create(format=format, scopes=["api:read"])
                     for format in ("opaque", "jwt", "pair") for _ in range(3)]

    def admin(self):
        return self.server.caller(self.token)

    def secrets(self) -> dict:
        answer = self.admin().call("GET", "/api/v1/secrets")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def use(self, keys=None):
        admin = self.admin()
        for key in keys or self.keys:
            assert admin.verify(key["api_key"], secret=key.get("api_secret"))["valid"]

    def turn(self):
        """A whole rotation of both, and the drop of every former key that nothing needs, until the server is gone."""
        try:
            admin = self.admin()
            for kind in ("root", "pepper"):
                admin.call("POST", f"/api/v1/secrets/{kind}/rotate")
                self.drop(admin)
        except (requests.RequestException, AssertionError):
            return

    def drop(self, admin):
        for kind in ("root", "pepper"):
            for key in admin.call("GET", "/api/v1/secrets").json()[f"{kind}s"]:
                if not key["current"] and key["needed_by"] == 0:
                    answer = admin.call("POST", f"/api/v1/secrets/{kind}/{key['id']}/drop")
                    assert answer.status_code == 200, answer.text

    def is_whole(self):
        """Everything that the keyring protects is readable."""
        admin = self.admin()
        self.use()
        self.keys.append(admin.create(format="jwt", scopes=["api:read"]))
        fresh = self.keys[-1]["api_key"]
        public = jwt.PyJWKClient(f"{self.server.base}/api/v1/tenant/{TENANT}/jwks.json").get_signing_key_from_jwt(fresh).key
        jwt.decode(fresh, public, algorithms=["RS256"], audience=TENANT)
        assert admin.verify(fresh)["valid"]
        report = admin.call("GET", "/api/v1/audit/verify").json()
        assert report["valid"], report

    def former_keys_can_go(self):
        """One root key and one pepper are left, and they do."""
        self.drop_former("pepper")
        self.drop_former("root")
        self.server.kill()
        self.server.start()
        self.is_whole()

    def drop_former(self, kind):
        """An interrupted rotation of the root goes on where it stood. What is used moves to the new pepper: keys by a
        check, the password by a sign-in."""
        for _ in range(100):
            self.drop(self.admin())
            left = self.secrets()[f"{kind}s"]
            if len(left) == 1:
                return
            if kind == "root":
                assert self.admin().call("POST", "/api/v1/secrets/root/rotate").status_code == 200
            else:
                self.use()
                self.server.sign_in()
                threading.Event().wait(0.05)
        raise AssertionError(f"the former {kind} is still needed: {left}")


def test_a_rotation_outlives_a_kill_at_any_moment(fresh):
    random.seed(25)
    fresh.settings = {"log": "warn"}
    house = House(fresh)
    for _ in range(ROUNDS):
        using = threading.Thread(target=use_until_gone, args=(house,))
        turning = threading.Thread(target=house.turn)
        using.start()
        turning.start()
        threading.Event().wait(random.uniform(0.005, 0.2))
        fresh.kill()
        using.join()
        turning.join()
        fresh.start()
        house.is_whole()
    house.former_keys_can_go()


def use_until_gone(house):
    try:
        while True:
            house.use()
    except requests.RequestException:
        return


STEPS = [("root", "rotate"), ("pepper", "rotate"), ("root", "drop"), ("pepper", "drop")]


@pytest.mark.parametrize(("kind", "step"), STEPS, ids=[f"{step} {kind}" for kind, step in STEPS])
def test_a_rotation_outlives_a_kill_at_each_of_its_steps(fresh, kind, step):
    """The keyring is written by `fsync` (its new file), `rename` and `fsync` (its folder), before or after the database,
    whose write-ahead log is written by `pwrite64`. Just before each of the first, and at more and more of the last."""
    fresh.settings = {"log": "warn"}
    house = House(fresh)
    for call, number in [("fsync", 1), ("rename", 1), ("fsync", 2)]:
        assert killed(house, kind, step, call, number), f"{call} {number} was not reached"
    # The third and later syncs are those of the thread that writes the database: one for each of its changes.
    number = 3
    while killed(house, kind, step, "fsync", number):
        number += 1
    # The pepper's steps are the same code, and each of its rounds waits a second for keys to move.
    number, killed_at = 1, 0
    while kind == "root" and killed(house, kind, step, "pwrite64", number):
        killed_at, number = number, number * 2
    assert kind != "root" or killed_at >= 4, "the changes of the database were hardly met"
    house.former_keys_can_go()


def killed(house, kind, step, call, number) -> bool:
    """Does the step with a kill at that system call; false when it ended before it."""
    house.drop_former(kind)
    admin = house.admin()
    path = f"/api/v1/secrets/{kind}/rotate"
    if step == "drop":
        path = f"/api/v1/secrets/{kind}/{ready_to_drop(house, kind)}/drop"
    with Fault(house.server, call, f"signal=KILL:when={number}"):
        try:
            answer = admin.call("POST", path)
            assert answer.status_code == 200, answer.text
            died = False
        except requests.RequestException:
            died = True
    if died:
        house.server.process.wait(10)
    # Also when a write in the background met it after the answer.
    if house.server.process.poll() is not None:
        house.server.start()
        # At once, before any other change: what looks unneeded must be.
        house.drop(admin)
        house.server.kill()
        house.server.start()
    house.is_whole()
    return died


def ready_to_drop(house, kind) -> int:
    """A former key that nothing needs."""
    assert house.admin().call("POST", f"/api/v1/secrets/{kind}/rotate").status_code == 200
    for _ in range(100):
        for key in house.secrets()[f"{kind}s"]:
            if not key["current"] and key["needed_by"] == 0:
                return key["id"]
        house.use()
        house.server.sign_in()
        threading.Event().wait(0.05)
    raise AssertionError(f"the former {kind} is still needed")

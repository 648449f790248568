"""kill -9 in the middle of writing: nothing that was acknowledged is lost, and nothing is half made."""

import os
import random
import threading

import requests

from conftest import Server

ROUNDS = int(os.environ.get("KEYWRIGHT_CRASH_ROUNDS", "100"))


class Writer(threading.Thread):
    """Creates and revokes keys until the server is gone; remembers what was acknowledged."""

    def __init__(self, server, token):
        super().__init__()
        self.caller = server.caller(token)
        self.created, self.revoked, self.asked = {}, set(), set()

    def run(self):
        try:
            while True:
                answer = self.caller.in_tenant("POST", "api-keys/create", {"scopes": ["api:read"]})
                if answer.status_code == 201:
                    self.created[answer.json()["id"]] = answer.json()["api_key"]
                if len(self.created) % 3 == 0 and self.created:
                    key = random.choice(list(self.created))
                    if key in self.asked:
                        continue
                    self.asked.add(key)
                    if self.caller.in_tenant("POST", f"api-keys/{key}/revoke").status_code == 200:
                        self.revoked.add(key)
        except requests.RequestException:
            return


def test_no_acknowledged_change_is_lost(tmp_path):
    random.seed(20)
    server = Server(tmp_path, log="warn").start()
    token = server.sign_in()
    created, revoked, asked = {}, set(), set()
    for _ in range(ROUNDS):
        writers = [Writer(server, token) for _ in range(3)]
        for writer in writers:
            writer.start()
        threading.Event().wait(random.uniform(0.02, 0.25))
        server.kill()
        for writer in writers:
            writer.join()
            created |= writer.created
            revoked |= writer.revoked
            asked |= writer.asked
        server.start()
        # The newest are those that a crash could have lost.
        caller = server.caller(token)
        for key, text in list(created.items())[-6:]:
            check(caller, key, text, key in revoked, key in asked)
    caller = server.caller(token)
    assert len(created) > ROUNDS
    for key, text in random.sample(list(created.items()), min(len(created), 300)):
        check(caller, key, text, key in revoked, key in asked)
    report = caller.call("GET", "/api/v1/audit/verify").json()
    assert report["valid"], report
    assert server.stop() == 0
    offline = server.command("audit", "verify", "--offline", "--json")
    assert offline.returncode == 0, offline.stdout + offline.stderr


def check(caller, key, text, was_revoked, was_asked):
    shown = caller.in_tenant("GET", f"api-keys/{key}")
    assert shown.status_code == 200, "an acknowledged key is gone"
    answer = caller.verify(text)
    if was_revoked:
        assert answer["code"] == "revoked", "an acknowledged revocation is gone"
    elif not was_asked:
        assert answer["valid"], answer
    # Whatever the database says is what a check says: nothing is half made.
    assert shown.json()["revoked"] == (answer["code"] == "revoked")

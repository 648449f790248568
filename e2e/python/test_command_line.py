"""The command line, as a person or a script uses it."""

import json
import shutil

from conftest import PASSWORD


def signed_in(server):
    login = server.command("login", "--email", "ada@example.com", env={"KEYWRIGHT_PASSWORD": PASSWORD})
    assert login.returncode == 0, login.stderr
    return server


def test_a_key_is_created_piped_inspected_verified_and_revoked(server):
    signed_in(server)
    created = server.command("keys", "create", "--name", "demo", "--scope", "api:read", "--quiet")
    assert created.returncode == 0, created.stderr
    key = created.stdout.strip()
    assert key.startswith("kw_live_") and "\n" not in key
    inspected = server.command("key", "inspect", "--json", input=key)
    assert json.loads(inspected.stdout)["checksum"] == "valid" and inspected.returncode == 0
    wrong = server.command("key", "inspect", input=key[:-1] + ("a" if key[-1] != "a" else "b"))
    assert wrong.returncode == 3
    passed = server.command("keys", "verify", "--permissions", "api:read", "--json", input=key)
    assert passed.returncode == 0 and json.loads(passed.stdout)["valid"]
    refused = server.command("keys", "verify", "--permissions", "billing:manage", "--explain", input=key)
    assert refused.returncode == 3 and "billing:manage" in refused.stdout
    shown = json.loads(server.command("keys", "list", "--search", "demo", "--json").stdout)
    assert len(shown) >= 1 and key not in json.dumps(shown)
    revoked = server.command("keys", "revoke", shown[0]["id"], "--reason", "done")
    assert revoked.stdout.strip() == "API key revoked successfully"
    again = server.command("keys", "revoke", shown[0]["id"])
    assert again.returncode == 1 and "invalid_transition" in again.stderr and "request " in again.stderr


def test_tables_for_people_and_errors_that_name_the_field(server):
    signed_in(server)
    assert "NAME" in server.command("keys", "list").stdout
    assert "ada@example.com" in server.command("users", "list").stdout
    assert "admin:all" in server.command("scopes", "list").stdout
    assert "read-only" in server.command("roles", "list").stdout
    assert "my-tenant" in server.command("tenants", "list").stdout
    assert "create_tenant" in server.command("audit", "list", "--per-page", "200").stdout
    wrong = server.command("keys", "create", "--scope", "api:raed")
    assert wrong.returncode == 1 and "scopes[0]" in wrong.stderr and "api:read" in wrong.stderr
    assert server.command("keys", "create", "--nonsense").returncode == 2


def test_the_trail_is_verified_online(server):
    signed_in(server)
    verified = server.command("audit", "verify", "--json")
    assert verified.returncode == 0 and json.loads(verified.stdout)["valid"]
    head = json.loads(server.command("audit", "head", "--json").stdout)
    assert head["checkpoint"].split("\n")[1] == str(head["size"])
    exported = server.command("audit", "export").stdout.splitlines()
    assert len(exported) >= head["size"] and json.loads(exported[0])["seq"] == 0


def test_the_trail_is_exported_for_other_systems(server):
    signed_in(server)
    server.command("keys", "create", "--name", "seen elsewhere")
    entries = [json.loads(line) for line in server.command("audit", "export", "--of-tenant").stdout.splitlines()]
    assert any(entry["action"] == "create_key" for entry in entries) and len({entry["tenant"] for entry in entries}) == 1
    events = [json.loads(line) for line in server.command("audit", "export", "--of-tenant", "--ocsf").stdout.splitlines()]
    # Both exports are sensitive reads, so the later one has the earlier's entry on top.
    assert [event["metadata"]["uid"] for event in events[-len(entries):]] == [str(entry["seq"]) for entry in entries]
    created = next(event for event in events if event["message"] == "create_key")
    assert created["type_uid"] == 300401 and created["entity"]["type"] == "key" and created["src_endpoint"]["ip"] == "127.0.0.1"
    whole = [json.loads(line) for line in server.command("audit", "export", "--ocsf").stdout.splitlines()]
    assert {event["type_uid"] for event in whole} >= {300401, 300201} and len(whole) > len(events)
    assert all(event["type_uid"] == event["class_uid"] * 100 + event["activity_id"] for event in whole)


def test_a_checkpoint_kept_elsewhere_shows_a_database_that_was_put_back(fresh):
    signed_in(fresh.start())
    fresh.stop()
    data, old = fresh.folder / "data", fresh.folder / "old"
    shutil.copytree(data, old)
    signed_in(fresh.start())
    fresh.command("keys", "create")
    head = json.loads(fresh.command("audit", "head", "--json").stdout)
    kept = fresh.folder / "checkpoint"
    kept.write_text(head["checkpoint"])
    fresh.stop()
    verify = ["audit", "verify", "--offline", "--checkpoint", str(kept), "--vkey", head["vkey"]]
    assert fresh.command(*verify).returncode == 0
    shutil.rmtree(data)
    shutil.copytree(old, data)
    put_back = fresh.command(*verify)
    assert put_back.returncode == 1 and "it was cut or put back" in put_back.stderr
    kept.write_text(head["checkpoint"].replace(str(head["size"]), str(head["size"] - 1), 1))
    assert "not signed by this key" in fresh.command(*verify).stderr


def test_configuration_doctor_and_completion(fresh):
    fresh.start()
    printed = fresh.command("config", "print").stdout
    assert "admin_password = (set)  (KEYWRIGHT_ADMIN_PASSWORD)" in printed and PASSWORD not in printed
    assert fresh.command("config", "check").returncode == 0
    bad = fresh.command("config", "check", env={"KEYWRIGHT_LISTEN": "0.0.0.0:3000"})
    assert bad.returncode == 1 and "TLS" in bad.stderr
    bad = fresh.command("config", "check", env={"KEYWRIGHT_CACHE_KEYS": "many"})
    assert "`cache_keys` (from KEYWRIGHT_CACHE_KEYS) is `many`" in bad.stderr
    second = fresh.command("serve")
    assert second.returncode == 1 and "another server" in second.stderr
    fresh.stop()
    doctor = fresh.command("doctor")
    assert doctor.returncode == 0 and "FAIL" not in doctor.stdout, doctor.stdout
    assert "complete" in fresh.command("completion", "bash").stdout


def test_secrets_rotate_by_command(fresh):
    signed_in(fresh.start())
    assert "NEEDED_BY" in fresh.command("secrets", "status").stdout
    rotated = json.loads(fresh.command("secrets", "rotate", "root", "--json").stdout)
    assert [root["current"] for root in rotated["roots"]] == [False, True]
    assert fresh.command("secrets", "drop", "root", "2").returncode == 1, "the current one stays"
    dropped = json.loads(fresh.command("secrets", "drop", "root", "1", "--json").stdout)
    assert [root["id"] for root in dropped["roots"]] == [2]
    fresh.stop()
    signed_in(fresh.start())


def test_a_wrong_keyring_refuses_to_start_with_one_line(fresh):
    fresh.start()
    fresh.stop()
    keyring = fresh.folder / "data" / "keyring"
    right = keyring.read_text()
    for kind, named in (("root", "root key 1"), ("pepper", "pepper 1")):
        lines = [
            f"{kind} 1 " + "ab" * 32 if line.startswith(kind) else line for line in right.splitlines()
        ]
        keyring.write_text("\n".join(lines) + "\n")
        refused = fresh.command("serve")
        assert refused.returncode == 1 and named in refused.stderr, refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        doctor = fresh.command("doctor")
        assert doctor.returncode == 3 and "FAIL  keyring fits the database" in doctor.stdout
    keyring.write_text(right)
    fresh.start()


def test_the_set_up_link_makes_the_first_administrator(fresh):
    fresh.settings = {"admin_email": "", "admin_password": ""}
    fresh.start()
    link = next(line for line in fresh.log.read_text().splitlines() if "/setup#" in line)
    token = link.split("#")[1].split()[0]
    anonymous = fresh.caller()
    wish = {"token": token, "email": "eve@example.com", "password": PASSWORD, "tenant": "my-tenant"}
    weak = anonymous.call("POST", "/api/v1/auth/setup", json=wish | {"password": "short"})
    assert (weak.status_code, weak.json()["details"][0]["path"]) == (422, "password")
    made = anonymous.call("POST", "/api/v1/auth/setup", json=wish)
    assert made.status_code == 201, made.text
    assert fresh.caller(made.json()["access_token"]).call("GET", "/api/v1/auth/me").json()["platform_admin"]
    assert anonymous.call("POST", "/api/v1/auth/setup", json=wish).status_code == 401

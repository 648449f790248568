"""Restrictions of a key beyond addresses, over HTTP and on the command line. The single rules stand in
spec/cases; here are how keys carry them, what is refused, the pause, and the databases of places."""

import ipaddress
import json
import os
import time

from conftest import Server

FINGERPRINT = "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09"
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def record(value) -> bytes:
    """A value of the MaxMind DB format 2.0."""
    if isinstance(value, str):
        return bytes([2 << 5 | len(value)]) + value.encode()
    if isinstance(value, list):
        return bytes([0, 11 - 7]) + b"".join(map(record, value))
    if isinstance(value, dict):
        return bytes([7 << 5 | len(value)]) + b"".join(record(k) + record(v) for k, v in value.items())
    kind, size = {"short": (5, 2), "number": (6, 4)}.get(value[0], (None, 8))
    number = value[1].to_bytes(size)
    return bytes([kind << 5 | size]) + number if kind else bytes([size, 9 - 7]) + number


def database(networks: dict) -> bytes:
    """A database of IPv6, with IPv4 at ::/96, whose records have 24 bits."""
    nodes, data = [[None, None]], b""
    for network, value in networks.items():
        network = ipaddress.ip_network(network)
        length = network.prefixlen + (96 if network.version == 4 else 0)
        bits = f"{int(network.network_address):0128b}"[:length]
        node = 0
        for bit in map(int, bits[:-1]):
            if nodes[node][bit] is None:
                nodes.append([None, None])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]
        nodes[node][int(bits[-1])] = ("data", len(data))
        data += record(value)
    count = len(nodes)

    def child(it) -> bytes:
        return (count if it is None else it if isinstance(it, int) else count + 16 + it[1]).to_bytes(3)

    metadata = {
        "binary_format_major_version": ("short", 2), "binary_format_minor_version": ("short", 0),
        "build_epoch": ("long", 1_700_000_000), "database_type": "Test", "description": {"en": "Test"},
        "ip_version": ("short", 6), "languages": [], "node_count": ("number", count), "record_size": ("short", 24),
    }
    tree = b"".join(child(it) for node in nodes for it in node)
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + record(metadata)


def test_restrictions_are_created_shown_changed_and_audited(admin):
    window = {"days": ["mon", "fri"], "from": "22:00", "to": "06:00", "zone": "europe/berlin"}
    made = admin.create(
        referrers=["Example.COM", "*.b\u00fccher.example/*"], countries_allow=["de"], networks_deny=[64496],
        time_windows=[window],
    )
    assert made["referrers"] == ["example.com/*", "*.xn--bcher-kva.example/*"]
    assert made["countries_allow"] == ["DE"] and made["networks_deny"] == [64496] and made["android_apps"] == []
    assert made["time_windows"] == [window | {"zone": "Europe/Berlin"}] and made["paused_until"] is None
    path = f"api-keys/{made['id']}"
    shown = admin.in_tenant("GET", path).json()
    assert all(shown[name] == made[name] for name in ("referrers", "countries_allow", "networks_deny", "time_windows"))
    apps = [{"package": "com.example.app", "sha1": FINGERPRINT.replace(":", "").lower()}]
    both = admin.in_tenant("PATCH", path, {"android_apps": apps})
    assert both.status_code == 422 and both.json()["details"][0]["path"] == "android_apps"
    changed = admin.in_tenant("PATCH", path, {"referrers": [], "android_apps": apps, "countries_allow": []})
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert body["android_apps"] == [{"package": "com.example.app", "sha1": FINGERPRINT}] and body["referrers"] == []
    assert body["countries_allow"] == [] and body["time_windows"] == made["time_windows"]
    trail = admin.in_tenant("GET", "audit", params={"target": made["id"]}).json()
    text = json.dumps(trail)
    assert "restrictions" in text and "com.example.app;" + FINGERPRINT in text


def test_what_cannot_be_meant_names_its_field(admin):
    window = {"days": ["mon"], "from": "08:00", "to": "18:00", "zone": "UTC"}
    for wish, path in [
        ({"referrers": ["example.com/path"]}, "referrers[0]"),
        ({"referrers": ["*.com"]}, "referrers[0]"),
        ({"android_apps": [{"package": "com.example.app", "sha1": "12"}]}, "android_apps[0].sha1"),
        ({"ios_bundles": ["app"]}, "ios_bundles[0]"),
        ({"ios_bundles": ["a.b"], "referrers": ["a.example"]}, "ios_bundles"),
        ({"countries_allow": ["UK"]}, "countries_allow[0]"),
        ({"networks_allow": [0]}, "networks_allow[0]"),
        ({"time_windows": [window | {"zone": "Mars/Olympus"}]}, "time_windows[0].zone"),
        ({"time_windows": [window | {"from": "8:00"}]}, "time_windows[0].from"),
        ({"time_windows": [window | {"to": "24:01"}]}, "time_windows[0].to"),
        ({"time_windows": [window | {"to": "08:00"}]}, "time_windows[0]"),
        ({"time_windows": [window | {"days": ["monday"]}]}, "time_windows[0].days[0]"),
        ({"time_windows": [window] * 15}, "time_windows"),
        ({"paused_until": -1}, "paused_until"),
    ]:
        answer = admin.in_tenant("POST", "api-keys/create", wish)
        assert answer.status_code == 422, (wish, answer.text)
        assert [detail["path"] for detail in answer.json()["details"]] == [path], answer.text
    key = admin.create()["api_key"]
    answer = admin.call("POST", "/api/v1/verify", json={"key": key, "request": {"country": "Germany"}})
    assert answer.status_code == 422 and answer.json()["details"][0]["path"] == "request.country"


def test_a_pause_says_when_to_come_back_and_ends_by_itself_or_by_hand(admin):
    made = admin.create()
    path = f"api-keys/{made['id']}"
    assert admin.verify(made["api_key"])["valid"]
    end = int(time.time()) + 3
    assert admin.in_tenant("PATCH", path, {"paused_until": end}).json()["paused_until"] == end
    answer = admin.verify(made["api_key"])
    assert (answer["code"], answer["status"], answer["error"]) == ("paused", 401, "invalid_token")
    assert answer["error_description"] == "API key is paused" and 1 <= answer["retry_after"] <= 3
    deadline = time.monotonic() + 10
    while not admin.verify(made["api_key"])["valid"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert time.time() >= end
    admin.in_tenant("PATCH", path, {"paused_until": end + 3600})
    assert admin.verify(made["api_key"])["retry_after"] > 3000
    assert admin.in_tenant("PATCH", path, {"paused_until": None}).json()["paused_until"] is None
    assert admin.verify(made["api_key"])["valid"]


def test_a_refusal_explains_itself(admin):
    key = admin.create(countries_deny=["DE"], time_windows=[{"days": WEEK, "from": "00:00", "to": "24:00", "zone": "UTC"}])
    steps = admin.verify(key["api_key"], explain=True)["steps"]
    assert steps[-1]["rule"] == "country" and "not known" in steps[-1]["detail"] and not steps[-1]["passed"]
    steps = admin.verify(key["api_key"], explain=True, request={"country": "XX"})["steps"]
    assert "not known" in steps[-1]["detail"]
    answer = admin.verify(key["api_key"], explain=True, request={"country": "FR"})
    assert answer["valid"] and [step["rule"] for step in answer["steps"]][-2:] == ["country", "time_window"]


def test_places_come_from_the_databases_which_are_read_again_when_they_change(tmp_path):
    countries, networks = tmp_path / "countries.mmdb", tmp_path / "networks.mmdb"
    german = database({
        "203.0.113.0/24": {"country": {"iso_code": "DE"}}, "2001:db8::/32": {"country_code": "FR"},
    })
    countries.write_bytes(german)
    networks.write_bytes(database({"203.0.113.0/24": {"autonomous_system_number": ("number", 64496)}}))
    server = Server(tmp_path, geo_country_database=str(countries), geo_network_database=str(networks)).start()
    try:
        admin = server.admin()
        key = admin.create(countries_allow=["DE"])["api_key"]

        def code(ip, key=key, **more):
            return admin.verify(key, request={"ip": ip, **more})["code"]

        assert code("203.0.113.7") == code("::ffff:203.0.113.7") == "allowed"
        assert code("2001:db8::1") == code("192.0.2.1") == "country_denied"
        # What the caller of the check says counts.
        assert code("203.0.113.7", country="FR") == "country_denied"
        assert code("2001:db8::1", country="DE") == "allowed"
        network = admin.create(networks_deny=[64497])["api_key"]
        assert code("203.0.113.7", network) == "allowed"
        assert code("192.0.2.1", network) == code("203.0.113.7", network, asn=64497) == "network_denied"

        # A broken file changes nothing and is told.
        countries.write_bytes(german[: len(german) // 2])
        deadline = time.monotonic() + 20
        while "the old databases stay in use" not in server.log.read_text():
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.1)
        assert code("203.0.113.7") == "allowed"

        # A new one is in force within seconds.
        new = tmp_path / "new.mmdb"
        new.write_bytes(database({"203.0.113.0/24": {"country": "AT"}, "192.0.2.0/24": {"country_code": "DE"}}))
        os.replace(new, countries)
        deadline = time.monotonic() + 20
        while code("203.0.113.7") == "allowed":
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.1)
        assert code("192.0.2.1") == "allowed"
    finally:
        assert server.stop() == 0


def test_a_server_does_not_start_on_a_database_that_is_none(fresh):
    broken = fresh.folder / "broken.mmdb"
    broken.write_text("not a database")
    refused = fresh.command("serve", "--geo-country-database", str(broken))
    assert refused.returncode == 1 and "broken.mmdb" in refused.stderr


def test_flags_restrict_a_key(server, admin):
    token = {"KEYWRIGHT_TOKEN": admin.session.headers["Authorization"].removeprefix("Bearer ")}
    made = server.command(
        "keys", "create", "--referrer", "*.example.com", "--country-allow", "DE", "--network-deny", "64496",
        "--time-window", "mon,sun 08:00-18:00 Europe/Berlin", "--json", env=token,
    )
    assert made.returncode == 0, made.stderr
    body = json.loads(made.stdout)
    assert body["referrers"] == ["*.example.com/*"] and body["networks_deny"] == [64496]
    assert body["time_windows"] == [{"days": ["mon", "sun"], "from": "08:00", "to": "18:00", "zone": "Europe/Berlin"}]
    end = int(time.time()) + 3600
    changed = server.command("keys", "update", body["id"], "--country-allow", "FR", "--paused-until", str(end), "--json", env=token)
    assert changed.returncode == 0, changed.stderr
    body = json.loads(changed.stdout)
    assert body["countries_allow"] == ["FR"] and body["paused_until"] == end and body["networks_deny"] == [64496]
    changed = server.command("keys", "update", body["id"], "--paused-until", "0", "--json", env=token)
    assert json.loads(changed.stdout)["paused_until"] is None


def test_restrictions_hold_for_keys_that_operate_keywright_too(server, admin):
    made = admin.create(kind="system", scopes=["keywright:*"], referrers=["https://app.example.com/*"])
    caller = server.caller(made["api_key"])

    def asked(**headers):
        answer = caller.in_tenant("GET", "api-keys/list", headers=headers)
        return answer.status_code, None if answer.ok else answer.json()["error"]

    assert asked(Origin="https://app.example.com")[0] == 200
    assert asked(Referer="https://app.example.com/page?a=b")[0] == 200
    assert asked() == asked(Origin="https://evil.test") == (403, "referrer_denied")
    assert asked(Origin="https://evil.test", Referer="https://app.example.com/") == (403, "referrer_denied")
    admin.in_tenant("PATCH", f"api-keys/{made['id']}", {"referrers": [], "paused_until": int(time.time()) + 3600})
    assert asked() == (401, "invalid_token")
    admin.in_tenant("PATCH", f"api-keys/{made['id']}", {"paused_until": None})
    assert asked()[0] == 200

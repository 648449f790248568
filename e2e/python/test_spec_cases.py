"""The cases of spec/cases over HTTP. Those that need another moment than now, a key that cannot be created, or
another owner run in core's tests only."""

import json
import pathlib
import time

import pytest
import signatures

DAY_MS = 86_400_000
PLAIN = (
    "format", "environment", "ip_allow", "ip_deny", "scopes", "roles", "referrers", "android_apps", "ios_bundles",
    "countries_allow", "countries_deny", "networks_allow", "networks_deny", "purpose", "request_signing",
)
TOLD = ("ip", "bytes", "origin", "referrer", "country", "asn", "android_package", "android_cert_sha1", "ios_bundle")
FILES = sorted((pathlib.Path(__file__).parents[2] / "spec" / "cases").glob("*.json"))
CASES = [case | {"file": file.stem} for file in FILES for case in json.loads(file.read_text())]


def runs_over_http(case) -> bool:
    key = case.get("key", {})
    return (
        key.get("owner_active", True) and key.get("tenant_active", True)
        and not key.get("query_credentials") and not (case["file"] == "purpose" and case["expect"] == "insufficient_scope")
        and "retired" not in key.get("roles", []) and key.get("expires_in_ms", DAY_MS) >= DAY_MS
        and abs(key.get("begins_in_ms", DAY_MS)) >= DAY_MS and abs(key.get("paused_in_ms", DAY_MS)) >= DAY_MS
        and case.get("ask", {}).get("environment") != "moon"
    )


RUN = [case for case in CASES if runs_over_http(case)]


def test_most_cases_run_over_http():
    assert len(CASES) >= 100 and len(RUN) >= 80, (len(CASES), len(RUN))


def rate_limit(text):
    """The JSON of a line such as `per_month=3 burst=5/60 meter:tokens=1000/day`."""
    limits = {"requests": {}, "meters": {}, "bandwidth": {}}
    for word in text.split():
        name, value = word.split("=")
        if name.startswith("per_"):
            limits["requests"][f"per{name[4:].capitalize()}"] = int(value)
        elif name.startswith("meter:"):
            milli, period = value.split("/")
            limits["meters"][name[6:]] = {"amount": int(milli) / 1000, "per": period}
        elif name == "burst":
            most, window = value.split("/")
            limits["burst"] = {"enabled": True, "maxBurst": int(most), "burstWindow": int(window)}
        else:
            limits |= {
                "payload_bytes": lambda: {"payloadBytesMax": int(value)}, "credits": lambda: {"credits": {"amount": int(value)}},
                "algorithm": lambda: {"algorithm": value}, "gb_per_day": lambda: {"bandwidth": {"totalGbPerDay": int(value)}},
            }[name]()
    return {name: value for name, value in limits.items() if value}


@pytest.mark.parametrize("case", RUN, ids=lambda case: f"{case['file']}: {case['name']}")
def test_case(admin, case):
    key, ask = case.get("key", {}), case.get("ask", {})
    wish = {name: key[name] for name in PLAIN if name in key}
    if any(scope.startswith("keywright:") for scope in wish.get("scopes", [])):
        wish["kind"] = "system"
    if key.get("purpose") == "read_only":
        wish["kind"] = "user"
    now = int(time.time())
    if "begins_in_ms" in key:
        wish["not_before"] = now + key["begins_in_ms"] // 1000
    if "expires_in_ms" in key:
        wish["expires_at"] = now + key["expires_in_ms"] // 1000 + 60
    if "paused_in_ms" in key:
        wish["paused_until"] = now + key["paused_in_ms"] // 1000
    if "window_minutes" in key:
        begin, end = (time.strftime("%H:%M", time.gmtime(now + 60 * minutes)) for minutes in key["window_minutes"])
        days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        wish["time_windows"] = [{"days": days, "from": begin, "to": end, "zone": "UTC"}]
    if "limits" in key:
        wish["rateLimit"] = rate_limit(key["limits"])
    made = admin.create(active=key.get("state") != "disabled", **wish)
    if key.get("state") == "revoked":
        assert admin.in_tenant("POST", f"api-keys/{made['id']}/revoke").status_code == 200
    question = {name: ask[name] for name in ("environment", "permissions", "cost", "meters", "presented_in") if name in ask}
    request = {name: ask[name] for name in TOLD if name in ask}
    if request:
        question["request"] = request
    if "signature" in ask:
        question |= signatures.asked(made, ask["signature"], question.pop("request", {}))
        if ask["signature"] == "replayed":
            assert admin.verify(made["api_key"], **question)["valid"]
    presented = ask.get("secret", "right" if key.get("format") == "pair" and "signature" not in ask else "none")
    secret = {"right": made.get("api_secret"), "wrong": "kw_live_wrong", "extra": "kw_live_extra"}.get(presented)
    if secret:
        question["secret"] = secret
    for _ in range(ask.get("times", 1) - 1):
        admin.verify(made["api_key"], **question)
    answer = admin.verify(made["api_key"], explain=True, **question)
    assert answer["code"] == case["expect"], answer
    assert answer["valid"] == (case["expect"] == "allowed")
    assert [step["passed"] for step in answer["steps"]].count(False) == (0 if answer["valid"] else 1)

"""The cases of spec/cases over HTTP. Those that need another moment than now, a key that cannot be created, or
another owner run in core's tests only."""

import json
import pathlib
import time

import pytest

DAY_MS = 86_400_000
PLAIN = (
    "format", "environment", "ip_allow", "ip_deny", "scopes", "roles", "referrers", "android_apps", "ios_bundles",
    "countries_allow", "countries_deny", "networks_allow", "networks_deny",
)
TOLD = ("ip", "origin", "referrer", "country", "asn", "android_package", "android_cert_sha1", "ios_bundle")
FILES = sorted((pathlib.Path(__file__).parents[2] / "spec" / "cases").glob("*.json"))
CASES = [case | {"file": file.stem} for file in FILES for case in json.loads(file.read_text())]


def runs_over_http(case) -> bool:
    key = case.get("key", {})
    return (
        key.get("owner_active", True) and key.get("tenant_active", True)
        and "retired" not in key.get("roles", []) and key.get("expires_in_ms", DAY_MS) >= DAY_MS
        and abs(key.get("begins_in_ms", DAY_MS)) >= DAY_MS and abs(key.get("paused_in_ms", DAY_MS)) >= DAY_MS
        and case.get("ask", {}).get("environment") != "moon"
    )


RUN = [case for case in CASES if runs_over_http(case)]


def test_most_cases_run_over_http():
    assert len(CASES) >= 100 and len(RUN) >= 80, (len(CASES), len(RUN))


@pytest.mark.parametrize("case", RUN, ids=lambda case: f"{case['file']}: {case['name']}")
def test_case(admin, case):
    key, ask = case.get("key", {}), case.get("ask", {})
    wish = {name: key[name] for name in PLAIN if name in key}
    if any(scope.startswith("keywright:") for scope in wish.get("scopes", [])):
        wish["kind"] = "system"
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
    made = admin.create(active=key.get("state") != "disabled", **wish)
    if key.get("state") == "revoked":
        assert admin.in_tenant("POST", f"api-keys/{made['id']}/revoke").status_code == 200
    question = {name: ask[name] for name in ("environment", "permissions") if name in ask}
    if told := {name: ask[name] for name in TOLD if name in ask}:
        question["request"] = told
    presented = ask.get("secret", "right" if key.get("format") == "pair" else "none")
    secret = {"right": made.get("api_secret"), "wrong": "kw_live_wrong", "extra": "kw_live_extra"}.get(presented)
    if secret:
        question["secret"] = secret
    answer = admin.verify(made["api_key"], explain=True, **question)
    assert answer["code"] == case["expect"], answer
    assert answer["valid"] == (case["expect"] == "allowed")
    assert [step["passed"] for step in answer["steps"]].count(False) == (0 if answer["valid"] else 1)

"""Samples: nine languages, and what a reader pastes is a program and says what was meant, whatever the values hold."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from portal.catalog.renditions.languages import LANGUAGES, Call, python
from portal.catalog.renditions.samples import call_of

NASTY = """it's "quoted" $HOME `id` #{1+1} ${1+1} \\ \\u0041 \t <b>&é😀 %d {{x}} ?> */ // -- \nnext line"""
CALLS = {
    "a plain GET": Call(
        "GET", "https://gw.example/kestrel/rates/latest?base=EUR", (("X-API-Key", "YOUR_API_KEY"),), None
    ),
    "a nasty POST": Call(
        "POST",
        "https://gw.example/a/b?q=it%27s",
        (("X-API-Key", "YOUR_API_KEY"), ("X-Note", 'it\'s "$HOME" #{1}'), ("Content-Type", "application/json")),
        json.dumps({"text": NASTY}),
    ),
    "an empty PATCH": Call("PATCH", "https://gw.example/", (("Content-Type", "text/plain"),), ""),
    "a DELETE": Call("DELETE", "https://gw.example/x", (("X-API-Key", "YOUR_API_KEY"),), None),
}
CHECKERS = {
    "curl": (["bash", "-n"], ".sh"),
    "javascript": (["node", "--check"], ".mjs"),
    "axios": (["node", "--check"], ".mjs"),
    "python": (None, ".py"),
    "go": (["gofmt", "-e"], ".go"),
    "ruby": (["ruby", "-c"], ".rb"),
    "php": (["php", "-l"], ".php"),
    "java": (["javac", "-proc:only"], ".java"),
}


def test_there_are_nine_of_them() -> None:
    assert [name for name, _write in LANGUAGES.values()] == [
        "curl", "JavaScript", "axios", "Python", "Go", "Ruby", "PHP", "C#", "Java"
    ]  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("code", CHECKERS)
def test_a_sample_is_a_program(code: str, call: Call, tmp_path: Path) -> None:
    checker, suffix = CHECKERS[code]
    text = LANGUAGES[code][1](call)
    if checker is None:
        ast.parse(text)
        return
    if shutil.which(checker[0]) is None:
        pytest.skip(f"there is no {checker[0]} on this machine")
    file = tmp_path / f"Example{suffix}"
    file.write_text(text)
    run = subprocess.run([*checker, str(file)], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr + text


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("code", LANGUAGES)
def test_no_language_lets_a_value_out_of_its_quotes(code: str, call: Call) -> None:
    """Whatever stands between a language's quotes is taken away; nothing of the values is left outside."""
    text = LANGUAGES[code][1](call)
    quote = "'" if code in ("curl", "ruby", "php") else '"'
    left, inside, n = [], False, 0
    while n < len(text):
        if text[n] == "\\" and ((inside and code != "curl") or (not inside and code == "curl")):
            n += 2
            continue
        inside = not inside if text[n] == quote else inside
        left += [] if inside else [text[n]]
        n += 1
    assert not inside
    assert "HOME" not in "".join(left)
    assert "1+1" not in "".join(left)
    assert "next line" not in "".join(left)


def test_bash_hands_curl_exactly_the_call(tmp_path: Path) -> None:
    call = CALLS["a nasty POST"]
    text = LANGUAGES["curl"][1](call).replace("curl ", "printf '%s\\0' ", 1)
    given = subprocess.run(["bash", "-c", text], capture_output=True, check=True).stdout.decode().split("\0")[:-1]
    headers = [part for name, value in call.headers for part in ("--header", f"{name}: {value}")]
    assert given == ["--request", "POST", call.url, *headers, "--data", call.body]


def test_python_s_text_reads_back_as_the_body() -> None:
    call = CALLS["a nasty POST"]
    texts = [node.value for node in ast.walk(ast.parse(python(call))) if isinstance(node, ast.Constant)]
    assert call.body in texts
    assert call.url in texts


def test_node_reads_the_body_back(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node on this machine")
    call = CALLS["a nasty POST"]
    text = "const fetch = async (url, init) => (console.log(JSON.stringify([url, init])), process.exit(0));\n"
    (tmp_path / "x.mjs").write_text(text + LANGUAGES["javascript"][1](call))
    said = json.loads(subprocess.run(["node", "x.mjs"], cwd=tmp_path, capture_output=True, check=True).stdout)
    assert said == [call.url, {"method": "POST", "headers": dict(call.headers), "body": call.body}]


def test_only_what_is_required_is_filled_in() -> None:
    detail = {
        "parameters": [
            {"name": "id", "in": "path", "required": True, "sample": "a/b"},
            {"name": "q", "in": "query", "required": True, "sample": "x y"},
            {"name": "more", "in": "query", "required": False, "sample": "1"},
        ]
    }
    assert call_of("get", "/things/{id}", detail, "https://gw").url == "https://gw/things/a%2Fb?q=x+y"

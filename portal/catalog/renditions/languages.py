"""One call written in nine languages, ready to paste: whole programs with nothing to install but what the name says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it goes over the wire. `body` is text or None."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str | None


def curl(call: Call) -> str:
    """Return a command for a POSIX shell."""
    lines = [f"curl {'' if call.method == 'GET' else f'--request {call.method} '}{_shell(call.url)}"]
    lines += [f"  --header {_shell(f'{name}: {value}')}" for name, value in call.headers]
    if call.body is not None:
        lines.append(f"  --data {_shell(call.body)}")
    return " \\\n".join(lines)


def python(call: Call) -> str:
    """Return a script for the requests library."""
    headers = json.dumps(dict(call.headers), indent=4, ensure_ascii=False)
    lines = ["import requests", "", "response = requests.request(", f'    "{call.method}",', f"    {_text(call.url)},"]
    lines.append(f"    headers={_indented(headers, 4)},")
    if call.body is not None:
        lines.append(f"    data={_text(call.body)}.encode(),")
    lines += ["    timeout=30,", ")", "response.raise_for_status()", "print(response.text)"]
    return "\n".join(lines)


def javascript(call: Call) -> str:
    """Return a module for fetch, in a browser or in Node."""
    headers = json.dumps(dict(call.headers), indent=2, ensure_ascii=False)
    lines = [f"const response = await fetch({_text(call.url)}, {{", f'  method: "{call.method}",']
    lines.append(f"  headers: {_indented(headers, 2)},")
    if call.body is not None:
        lines.append(f"  body: {_text(call.body)},")
    lines += ["});", "if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);"]
    return "\n".join([*lines, "console.log(await response.text());"])


def axios(call: Call) -> str:
    """Return a module for axios."""
    headers = json.dumps(dict(call.headers), indent=2, ensure_ascii=False)
    lines = ['import axios from "axios";', "", "const response = await axios.request({", f'  method: "{call.method}",']
    lines += [f"  url: {_text(call.url)},", f"  headers: {_indented(headers, 2)},"]
    if call.body is not None:
        lines.append(f"  data: {_text(call.body)},")
    return "\n".join([*lines, "  timeout: 30_000,", "});", "console.log(response.data);"])


def go(call: Call) -> str:
    """Return a program for Go's standard library."""
    body = "nil" if call.body is None else f"strings.NewReader({_text(call.body)})"
    names = ["fmt", "io", "net/http", *(["strings"] if call.body is not None else [])]
    lines = ["package main", "", "import (", *(f'\t"{name}"' for name in names), ")", "", "func main() {"]
    lines += [f'\trequest, err := http.NewRequest("{call.method}", {_text(call.url)}, {body})', *_go_check()]
    lines += [f"\trequest.Header.Set({_text(name)}, {_text(value)})" for name, value in call.headers]
    lines += ["\tresponse, err := http.DefaultClient.Do(request)", *_go_check(), "\tdefer response.Body.Close()"]
    lines += ["\tanswer, err := io.ReadAll(response.Body)", *_go_check()]
    return "\n".join([*lines, "\tfmt.Println(response.Status, string(answer))", "}"])


def _go_check() -> list[str]:
    return ["\tif err != nil {", "\t\tpanic(err)", "\t}"]


def ruby(call: Call) -> str:
    """Return a script for Ruby's standard library."""
    lines = ['require "net/http"', "", f"uri = URI({_quoted(call.url)})"]
    lines.append(f"request = Net::HTTP::{call.method.capitalize()}.new(uri)")
    lines += [f"request[{_quoted(name)}] = {_quoted(value)}" for name, value in call.headers]
    if call.body is not None:
        lines.append(f"request.body = {_quoted(call.body)}")
    lines.append('response = Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https") do |http|')
    return "\n".join([*lines, "  http.request(request)", "end", "puts response.code, response.body"])


def php(call: Call) -> str:
    """Return a script for PHP's curl extension."""
    lines = ["<?php", f"$request = curl_init({_quoted(call.url)});", "curl_setopt_array($request, ["]
    lines += [f"    CURLOPT_CUSTOMREQUEST => '{call.method}',", "    CURLOPT_RETURNTRANSFER => true,"]
    lines.append("    CURLOPT_HTTPHEADER => [")
    lines += [f"        {_quoted(f'{name}: {value}')}," for name, value in call.headers]
    lines.append("    ],")
    if call.body is not None:
        lines.append(f"    CURLOPT_POSTFIELDS => {_quoted(call.body)},")
    lines += ["]);", "$answer = curl_exec($request);", "if ($answer === false) {"]
    return "\n".join([*lines, "    throw new RuntimeException(curl_error($request));", "}", "echo $answer;"])


def csharp(call: Call) -> str:
    """Return a program for .NET."""
    lines = ["using System.Text;", "", "using var client = new HttpClient();"]
    address = f'new HttpMethod("{call.method}"), {_text(call.url)}'
    lines.append(f"using var request = new HttpRequestMessage({address});")
    kind = next((value for name, value in call.headers if name == "Content-Type"), "text/plain")
    if call.body is not None:
        lines.append(f"request.Content = new StringContent({_text(call.body)}, Encoding.UTF8);")
        lines.append(f"request.Content.Headers.Remove({_text('Content-Type')});")
        lines.append(f"request.Content.Headers.TryAddWithoutValidation({_text('Content-Type')}, {_text(kind)});")
    others = [(name, value) for name, value in call.headers if name != "Content-Type"]
    lines += [f"request.Headers.TryAddWithoutValidation({_text(name)}, {_text(value)});" for name, value in others]
    lines += ["using var response = await client.SendAsync(request);", "response.EnsureSuccessStatusCode();"]
    return "\n".join([*lines, "Console.WriteLine(await response.Content.ReadAsStringAsync());"])


def java(call: Call) -> str:
    """Return a program for Java 11 and later."""
    body = "noBody()" if call.body is None else f"ofString({_text(call.body)})"
    lines = [f"import java.net.{name};" for name in ("URI", "http.HttpClient", "http.HttpRequest", "http.HttpResponse")]
    lines += ["", "class Example {", "    public static void main(String[] args) throws Exception {"]
    lines.append(f"        HttpRequest request = HttpRequest.newBuilder(URI.create({_text(call.url)}))")
    lines += [f"            .header({_text(name)}, {_text(value)})" for name, value in call.headers]
    lines += [f'            .method("{call.method}", HttpRequest.BodyPublishers.{body})', "            .build();"]
    lines.append("        HttpResponse<String> response = HttpClient.newHttpClient()")
    lines.append("            .send(request, HttpResponse.BodyHandlers.ofString());")
    return "\n".join([*lines, "        System.out.println(response.body());", "    }", "}"])


# The order in which they are offered; the first part is what a cookie remembers.
LANGUAGES: dict[str, tuple[str, Callable[[Call], str]]] = {
    "curl": ("curl", curl),
    "javascript": ("JavaScript", javascript),
    "axios": ("axios", axios),
    "python": ("Python", python),
    "go": ("Go", go),
    "ruby": ("Ruby", ruby),
    "php": ("PHP", php),
    "csharp": ("C#", csharp),
    "java": ("Java", java),
}


def _shell(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _quoted(value: str) -> str:
    """Return a text in single quotes, which neither Ruby nor PHP looks into."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _indented(block: str, by: int) -> str:
    return block.replace("\n", "\n" + " " * by)

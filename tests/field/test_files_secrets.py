"""A file of keys that somebody took for a list of prompts, and a key among prompts: neither goes to a vendor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.lab import project, sidecar
from tests.helpers.process import RpcError

MODEL = "openai/gpt-6-luna"
KEY = "sk-proj-" + "aB3dE6gH9" * 5
OTHER = "Zx81" * 8
PEM = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{OTHER}\n-----END OPENSSH PRIVATE KEY-----\n"
ACCOUNT = {"type": "service_account", "private_key": PEM.replace("OPENSSH ", ""), "client_email": "a@b.c"}
FILES = {
    ".env": f"OPENAI_API_KEY={KEY}\nDEBUG=1\n",
    "more.env": f"# mine\nexport OPENAI_API_KEY='{KEY}'\n\nDB_HOST=db\nDB_PASSWORD={OTHER}\n",
    "alone.txt": f"OPENAI_API_KEY={KEY}",
    "other.txt": f"SERVICE_SECRET={OTHER}\nHOST=db\n",
    "env.csv": f"OPENAI_API_KEY={KEY}\nANTHROPIC_API_KEY=sk-ant-{OTHER}\n",
    "keys.yaml": f"openai_api_key: {KEY}\nother_token: {OTHER}\n",
    "credentials": f"[default]\naws_access_key_id = {OTHER}\naws_secret_access_key = {OTHER}\n",
    "keys.json": json.dumps({"openai": KEY, "other": "x"}),
    "nested.json": json.dumps(
        {"providers": {"lab": {"apiKey": OTHER, "url": "https://lab.example"}}}, indent=1
    ),
    "listed.json": json.dumps([{"provider": "openai", "key": KEY}]),
    "account.json": json.dumps(ACCOUNT),
    "lines.jsonl": "\n".join(json.dumps({"provider": "openai", "secret": OTHER}) for _ in range(2)),
    "id_ed25519": PEM,
    "server.pem": "Bag Attributes\n    friendlyName: me\n" + PEM.replace("OPENSSH", "RSA"),
    "me.ppk": f"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n{OTHER}\n",
    ".npmrc": f"//npm.example/:_authToken={OTHER}\nregistry=https://npm.example/\n",
    ".netrc": f"machine api.example.org\n  login me\n  password {OTHER}\n",
    "one-line.netrc": f"machine api.example.org login me password {OTHER}\n",
}


@field("files", "a file of keys in place of prompts")
@pytest.mark.parametrize("models", [[MODEL], None], ids=["a model is chosen", "none is"])
async def test_a_file_of_keys_is_refused_and_no_key_is_told(models: list[str] | None, tmp_path: Path) -> None:
    chosen = {"models": models} if models else {}
    async with sidecar(tmp_path / "data") as process:
        for name, text in FILES.items():
            for encoding in ("utf-8", "utf-16"):
                (tmp_path / name).write_text(text, encoding)
                with pytest.raises(RpcError) as refused:
                    await process.call("batch:import", {"path": str(tmp_path / name), **chosen})
                assert "holds keys or passwords" in refused.value.message, name
                assert not any(secret in repr(vars(refused.value)) for secret in (KEY, OTHER)), name


async def test_a_file_of_keys_is_refused_by_its_path_too(tmp_path: Path) -> None:
    """Nobody sees the rows of a file that is submitted by its path before they are stored."""
    async with sidecar(tmp_path / "data", "--mock") as process:
        where = await project(process)
        for name, text in FILES.items():
            (tmp_path / name).write_text(text)
            params = {"path": str(tmp_path / name), "model": MODEL}
            for method in ("batch:estimate", "batch:submit", "batch:submit-native"):
                into = {} if method == "batch:estimate" else {"projectId": where}
                into |= {"providerName": "openai"} if method == "batch:submit-native" else {}
                with pytest.raises(RpcError, match="holds keys or passwords") as refused:
                    await process.call(method, {**params, **into})
                assert not any(secret in repr(vars(refused.value)) for secret in (KEY, OTHER)), name
        prompts = ["prompt", "Why?", KEY]
        (tmp_path / "table.csv").write_text("\n".join(prompts))
        params = {"path": str(tmp_path / "table.csv"), "model": MODEL, "projectId": where}
        job = await process.call("batch:submit", params)
        assert job["totalRows"] == 1
        assert KEY not in json.dumps(job)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("abai.db*"))
    assert not any(secret.encode() in kept for secret in (KEY, OTHER))


@field("files", "one line of a list of prompts that is an API key")
@pytest.mark.parametrize(
    "line", [KEY, f"OPENAI_API_KEY={KEY}", f"“{KEY}”", f"  {KEY}  # mine", "sk-" + OTHER]
)
async def test_a_key_among_prompts_is_told_by_its_row_and_not_shown(line: str, tmp_path: Path) -> None:
    prompts = ["What is an API key?", line, "KEY=value: what does it mean?", "sk-learn or torch?"]
    (tmp_path / "list.txt").write_text("\n".join(prompts))
    (tmp_path / "table.csv").write_text("\n".join(["prompt", *(f'"{prompt}"' for prompt in prompts)]))
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({"prompt": prompt}) for prompt in prompts))
    async with sidecar(tmp_path / "data") as process:
        for name in ("list.txt", "table.csv", "rows.jsonl"):
            path = str(tmp_path / name)
            found = await process.call("batch:import", {"path": path, "models": [MODEL]})
            assert [row["prompt"] for row in found["rows"]] == [prompts[0], *prompts[2:]], name
            (told,) = [error for error in found["errors"] if error["row"]]
            assert told["row"] == 2, name
            assert "is an API key" in told["message"], name
            unchosen = await process.call("batch:import", {"path": path})
            assert not any(secret in json.dumps([found, unchosen]) for secret in (KEY, OTHER)), name


@field("files", "prompts that look like settings")
async def test_prompts_about_keys_and_settings_are_still_prompts(tmp_path: Path) -> None:
    lists = {
        "colons.txt": ["Question: what is 2+2?", "Token: what is it in English?", "Password: how long?"],
        "equations.txt": ["x=5, what is y?", "y=2x", "key=value"],
        "pem.csv": ["prompt", f'"What is this?\n{PEM}"'],
    }
    async with sidecar(tmp_path / "data") as process:
        for name, lines in lists.items():
            (tmp_path / name).write_text("\n".join(lines))
            params = {"path": str(tmp_path / name), "models": [MODEL]}
            found = await process.call("batch:import", params)
            assert len(found["rows"]) == len(lines) - (lines[0] == "prompt"), name

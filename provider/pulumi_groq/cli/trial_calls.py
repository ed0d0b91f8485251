"""Trial calls: a key's value is used for real, once for each thing that it proves."""

from typing import Any, Final, Self

import httpx

from pulumi_groq.reports.validation.trials import Answer, Answers, Trial

_TIMEOUT_S: Final = 30.0
_THIS_MACHINE: Final = ("all://127.0.0.1", "all://localhost", "all://[::1]")  # never through a proxy


class Caller:
    """Makes the calls of trials against the gateway at `base_url`. `transport` is httpx's own seam."""

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            base_url=f"{base_url}/openai/v1",
            timeout=_TIMEOUT_S,
            transport=transport,
            mounts=dict.fromkeys(_THIS_MACHINE),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def answers(self, trial: Trial) -> Answers:
        """The answers to all calls of the trial; a key that must not work makes one call only."""
        listed = self._call(trial, "GET", "/models")
        if not trial.works or listed.status != 200:
            return Answers(listed)
        return Answers(
            listed,
            self._chat(trial, trial.allowed),
            self._chat(trial, trial.denied),
            self._chat(trial, trial.allowed, trial.denied_tool) if trial.denied_tool else None,
        )

    def _chat(self, trial: Trial, model: str | None, tool: str | None = None) -> Answer | None:
        if model is None:
            return None
        message = {"role": "user", "content": "Hi"}
        body: dict[str, Any] = {"model": model, "messages": [message], "max_tokens": 1}
        if tool is not None:
            body["tools"] = [{"type": tool}]
        return self._call(trial, "POST", "/chat/completions", body)

    def _call(self, trial: Trial, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        try:
            response = self._client.request(
                method, path, json=body, headers={"authorization": f"Bearer {trial.value}"}
            )
        except httpx.HTTPError as failure:
            return Answer(0, why=f"no answer ({type(failure).__name__})")
        return _answer(response)


def _answer(response: httpx.Response) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Answer(response.status_code)
    error, data = body.get("error"), body.get("data")
    code = error.get("code") if isinstance(error, dict) else None
    rows = data if isinstance(data, list) else []
    models = frozenset(str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row)
    return Answer(response.status_code, code if isinstance(code, str) else None, models)

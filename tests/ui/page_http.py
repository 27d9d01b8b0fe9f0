"""The page's own handlers as somebody reaches them without its scripts: by plain HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import httpx


@dataclass
class Tab:
    """An open page.

    session: its name, which Gradio's front end makes up. headers: such as whose login it is. address: of this machine,
    from which it is reached.
    """

    url: str
    session: str
    headers: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    def send(self, handler: str, *values: object, pressed: object = None) -> str:
        """All that the handler answered, as the server's stream of events has it.

        values: of the handler's inputs. pressed: what the page's scripts say was pressed.
        """
        way = httpx.HTTPTransport(local_address=self.address)
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=60, transport=way) as client:
            dependencies = client.get("/config").json()["dependencies"]
            number = next(each["id"] for each in dependencies if each["api_name"] == handler)
            sent = {"data": list(values), "fn_index": number, "session_hash": self.session, "event_data": pressed}
            # In ASCII, which can spell even what no UTF-8 can hold, as browsers do.
            body, kind = json.dumps(sent), {"content-type": "application/json"}
            client.post("/gradio_api/queue/join", content=body, headers=kind).raise_for_status()
            return client.get("/gradio_api/queue/data", params={"session_hash": self.session}).text

    def ask(self, text: str, user: object = None) -> str:
        """Send a message."""
        return self.send("ask", {"text": text, "files": []}, user, "")

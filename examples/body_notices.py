"""The webhook of a body, as small as it can be: verifies a notice, keeps it once, answers 204.

``python examples/body_notices.py http://127.0.0.1:8000 kfs-water cert.pem key.pem 8443``
docs/bodies-notices.md says how it is tried.
"""

import json
import sqlite3
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

KEPT = "CREATE TABLE IF NOT EXISTS notices (id TEXT PRIMARY KEY, event TEXT NOT NULL)"
SITE, CLIENT_ID = sys.argv[1], sys.argv[2]


def verified(body: bytes) -> dict[str, str]:
    """The event that the portal has signed for us; raises ``ValueError`` or ``JoseError``."""
    with urlopen(f"{SITE}/.well-known/jwks.json") as answer:  # noqa: S310 - keep it for a minute
        keys = KeySet.import_key_set(json.load(answer))
    signature = jws.deserialize_compact(body, keys, algorithms=["ES256"])
    event: dict[str, str] = json.loads(signature.payload)
    if signature.protected.get("typ") != "notice+jws" or event["body"] != CLIENT_ID:
        raise ValueError("signed for something or somebody else")
    return event


class Webhook(BaseHTTPRequestHandler):
    """Answers when the notice is kept, and not before."""

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers["Content-Length"]), 100_000))
        try:
            event = verified(body)
        except (ValueError, JoseError):
            self.send_response(400)
        else:
            with sqlite3.connect("notices.sqlite3") as db:
                db.execute(KEPT)
                row = (event["id"], json.dumps(event))
                db.execute("INSERT OR IGNORE INTO notices VALUES (?, ?)", row)
            self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[5])), Webhook)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()

"""``python -m portal.handoff.client key.pem > center.jwk``: the center's key.

Makes the private key where there is none, and prints the public half, which goes to the portal's
operator.
"""

import json
import sys
from pathlib import Path

from .keys import OwnKey, make_key


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m portal.handoff.client KEY.pem > center.jwk")
    path = Path(sys.argv[1])
    if not path.exists():
        make_key(path)
    sys.stdout.write(json.dumps(OwnKey(path).public) + "\n")


if __name__ == "__main__":
    main()

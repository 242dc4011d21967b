"""HTTP within this machine."""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For ``verify=``: it trusts nobody, as tests speak plain HTTP. Without it each client reads the
certificates of the whole world, which takes longer than a request."""

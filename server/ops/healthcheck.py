"""Check the health of the server on this machine; exit with 0 or 1, for HEALTHCHECK.

The address is read from the server's environment variables. Its flags are not known here.
"""

import os
import ssl
import sys
import urllib.request

TIMEOUT_SECONDS = 4


def main() -> int:
    """Return 0 if `/healthz` responds with 200."""
    host = (os.environ.get("WINNER_STAYS_HOST") or "127.0.0.1").removeprefix("[").removesuffix("]")
    port = os.environ.get("WINNER_STAYS_PORT") or "8080"
    scheme = "https" if os.environ.get("WINNER_STAYS_TLS_CERT") else "http"
    # A server that listens on every address listens on loopback too.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    address = f"[{host}]" if ":" in host else host
    # The certificate is for the public address, which this is not.
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    ask = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    try:
        with ask.open(f"{scheme}://{address}:{port}/healthz", timeout=TIMEOUT_SECONDS):
            return 0
    except (OSError, ValueError) as error:
        print(f"not healthy: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""Return when a web process of this machine is ready, or after 50 seconds with what it said last.

python docs/deployment/wait_ready.py PORT
"""

import sys
import time
import urllib.error
import urllib.request

SECONDS = 50


def main(port: str) -> int:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    said, until = "nothing", time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            with direct.open(f"http://127.0.0.1:{int(port)}/readyz", timeout=3):
                return 0
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
        except OSError as error:
            said = str(error)
        time.sleep(0.2)
    sys.stderr.write(f"not ready after {SECONDS} s: {said}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

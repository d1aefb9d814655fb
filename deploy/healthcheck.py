"""The image's HEALTHCHECK: the probe, with the first of DJANGO_ALLOWED_HOSTS as Host."""

import os
import sys

from smoke_test.probe.cli import main

first = os.environ.get("DJANGO_ALLOWED_HOSTS", "localhost").split(",")[0].strip()
host = "localhost" if first == "*" else first.removeprefix(".")
port = os.environ.get("GRANIAN_PORT", "8000")
sys.exit(main([f"http://{host}/smoke-test/", "--connect-to", f"127.0.0.1:{port}", "--timeout=4"]))

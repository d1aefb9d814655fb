"""The contract: what the endpoint promises and the probe expects, in one place.

The body is deliberately a literal. If it were computed from the code that responds, it would
change with every mistake in that code.
"""

import re

PATH = "/smoke-test/"
BODY = b'{"status":"ok","details":"PetSage smoke test feature is operational."}'

# In every response from the app.
RELEASE_HEADER = "X-PetSage-Release"
ANSWERED_AT_HEADER = "X-PetSage-Answered-At"

# The time of ANSWERED_AT_HEADER: UTC, RFC 3339, milliseconds.
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

# Sent by the probe. It makes nginx add the two headers below, which describe its upstream.
PROBE_HEADER = "X-PetSage-Probe"
UPSTREAM_STATUS_HEADER = "X-Upstream-Status"
UPSTREAM_CONNECT_HEADER = "X-Upstream-Connect"

# Safe in a header, a log line and a URL.
RELEASE = re.compile(r"[A-Za-z0-9._+-]{1,128}")
RELEASE_FORMAT = "1 to 128 letters, digits, '.', '_', '+' or '-'"

# Sent by the probe: 128 random bits in hexadecimal, which the app returns in every response. An
# equal value proves that the app made the response for this very request.
NONCE_HEADER = "X-PetSage-Nonce"
NONCE = re.compile(r"[0-9a-f]{32}")

# The title of the page that a browser gets.
PAGE_TITLE = "OK - Smoke Test - PetSage"

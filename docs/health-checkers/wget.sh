#!/usr/bin/env bash
# wget 1.21. BusyBox's wget has --header and --timeout too, but verifies no certificate.
set -euo pipefail
options=(
  --quiet --output-document=-
  # Detects app stopped: nginx answers 502. Without it wget tries 20 times.
  --tries=1
  --max-redirect=0
  # Detects wrong release: 412. Leave it out unless a deployment rewrites it.
  --header='If-Match: "0123456789ab"'
  # Detects app frozen: nginx answers 504 after 4.8 s.
  # Detects nginx stopped: the connection is refused.
  --timeout=5
)
answer=$(wget "${options[@]}" https://petsage.example/smoke-test/)
# Detects welcome page, another app.
[ "$answer" = '{"status":"ok","details":"PetSage smoke test feature is operational."}' ]

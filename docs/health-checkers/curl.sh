#!/usr/bin/env bash
# curl 7.76 and later, for cron, a pipeline or a script.
set -euo pipefail
options=(
  --silent --show-error
  # Detects app stopped: nginx answers 502. With --fail, 4xx and 5xx fail; 3xx would pass.
  --fail
  # Detects wrong release: 412. Leave it out unless a deployment rewrites it.
  --header 'If-Match: "0123456789ab"'
  # Detects app frozen: nginx answers 504 after 4.8 s.
  # Detects nginx stopped: the connection is refused.
  --max-time 5
)
answer=$(curl "${options[@]}" https://petsage.example/smoke-test/)
# Detects welcome page, another app.
[ "$answer" = '{"status":"ok","details":"PetSage smoke test feature is operational."}' ]

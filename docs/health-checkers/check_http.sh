#!/usr/bin/env bash
# Nagios, Icinga: check_http of monitoring-plugins 2.3. It does not verify the certificate;
# check_curl does.
options=(
  --hostname=petsage.example --url=/smoke-test/
  --ssl --sni
  # Detects wrong release: 412. Leave it out unless a deployment rewrites it.
  --header='If-Match: "0123456789ab"'
  # Detects app stopped: nginx answers 502. Without it 4xx would be a warning, 3xx fine.
  --expect=' 200 '
  # Detects welcome page, another app.
  --string='PetSage smoke test feature is operational.'
  # Detects app frozen: nginx answers 504 after 4.8 s.
  # Detects nginx stopped: the connection is refused.
  --timeout=5
)
exec check_http "${options[@]}"

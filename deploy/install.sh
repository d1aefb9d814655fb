#!/usr/bin/env bash
# Installs or upgrades to this clone's commit, or goes back; docs/deployment.md has the steps.
#
#   sudo deploy/install.sh [HOST...]     the names that clients use; required only the first time
#   sudo deploy/install.sh --rollback    go back to the former release, without a build
#   sudo deploy/install.sh --uninstall   remove everything except the settings and the logs
#
# The first failing command ends it; `finish` then restores the former state, cleans up and reports.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin:/sbin
exec 3>&1 1>&2
clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/release.sh
. "$clone/deploy/release.sh"
outcome=missing commit='' former='' was='' directory='' switched='' trial=''

main() {
  trap finish EXIT
  trap 'outcome=interrupted reason=interrupted; exit' HUP INT TERM
  require "$@"
  outcome=refused directory=$home/releases/$commit was=$(target current) earlier=$(target former)
  for step in build check start render switch ask; do
    since=$EPOCHREALTIME
    "$step"
    record
  done
  touch "$directory"
  outcome=serves
}

require() {
  [ "$(id -u)" = 0 ] || fail "got user $(id -un), expected root; run it with sudo"
  # A lock on the directory leaves no file behind.
  exec {lock}< "$units"
  flock --nonblock "$lock" || fail "another install.sh is running; wait for its end"
  former=$(serving)
  [ "${1-}" != --uninstall ] || { outcome=uninstalled; exit; }
  local package given='' hosts
  for package in git make nginx:nginx-light python3 systemd-run:systemd; do
    [ -n "$(command -v "${package%:*}")" ] || fail "no ${package%:*}; apt-get install ${package#*:}"
  done
  python3 -c 'import ensurepip' || fail "python3 has no ensurepip; apt-get install python3-venv"
  commit=$(target former)
  if [ "${1-}" != --rollback ]; then
    [ -z "$(in_clone status --porcelain)" ] || fail "got uncommitted changes, expected a commit"
    commit=$(in_clone rev-parse --short=12 HEAD) given=$(IFS=,; echo "$*")
  fi
  [ -n "$commit" ] || fail "got no former release, expected one; install a commit first"
  run systemd -E "GIVEN=$given" python3 "$clone/deploy/certificate.py"
  read -r host listen hosts <<< "$output"
  [ -e "$settings" ] || write_settings "$hosts"
}

build() {
  [ -e "$directory/built" ] || {
    rm -rf "$directory"
    mkdir -p "$directory"
    in_clone archive "$commit" | tar -x -C "$directory"
  }
  # A distribution upgrade removes the virtual environment's Python.
  "$directory/.venv/bin/python" -c 'import django, granian, pycurl' 2> /dev/null || {
    rm -f "$directory/.venv/installed"
    run nice make --no-print-directory -C "$directory" install
  }
  in_release manage.py collectstatic --no-input --verbosity 0
  for i in 1 2; do ln -sfn "/run/petsage-$commit-$i/app.sock" "$directory/app-$i.sock"; done
  touch "$directory/built"
}

start() {
  cp "$directory/deploy/petsage@.service" "$units/petsage-$commit@.service"
  run systemctl daemon-reload
  run systemctl enable nginx "petsage-$commit@"{1,2}
  for i in 1 2; do
    unit=petsage-$commit@$i
    systemctl restart "$unit" || fail "$unit did not start: $(systemctl show -P Result "$unit")"
    probe "http://$host/smoke-test/" --connect-to "unix:$directory/app-$i.sock" --wait 2
  done
}

# nginx tests the site in a mount namespace, so the files that it starts from are always valid.
render() {
  in_release -m deploy.nginx --render
  echo "$output" > "$directory/site.new"
  changed=1 welcome='' trial=$(mktemp -d)
  ! cmp -s "$directory/site.new" "$current" || { changed=''; return; }
  cp -a "$enabled/." "$trial"
  ln -sfn "$directory/site.new" "$trial/petsage"
  local try=(unshare --mount sh -c "mount --bind $trial $enabled && nginx -t -q")
  # There can be only one default server, and Debian's welcome page is one.
  if [ -L "$trial/default" ] && ! "${try[@]}" 2> /dev/null; then
    welcome=$(readlink "$trial/default")
    rm "$trial/default"
  fi
  run "${try[@]}"
}

# The link points to the sockets, the static files and nginx's site.
switch() {
  back=$was switched=1
  # If this release already served, a killed installation may have left the earlier one running.
  [ "$was" != "$commit" ] || ! active "$earlier" || back=$earlier
  cp "$directory/site.conf" "$directory/site.old" 2> /dev/null || true
  mv "$directory/site.new" "$directory/site.conf"
  [ "$was" = "$commit" ] || point former "$was"
  point current "$commit"
  [ -z "$welcome" ] || rm "$enabled/default"
  ln -sfn "$current" "$enabled/petsage"
  run systemctl "$([ -z "$changed" ] && echo start || echo reload-or-restart)" nginx
}

check() { in_release manage.py check --deploy --fail-level WARNING; }
# Through nginx on this machine, even if DNS points elsewhere; for a second, because nginx is reloading.
ask() { probe "https://$host:${listen##*:}/smoke-test/" --connect-to "$listen" --consecutive 3 --wait 7; }

finish() {
  trap '' HUP INT TERM
  set +e
  [ -z "$step" ] || record
  [ "$outcome" = serves ] || [ -z "$switched" ] || restore
  [ "$outcome" != uninstalled ] || { back='' earlier='' welcome='' changed=1; restore; }
  if [ "$outcome" = uninstalled ] || [ -n "$directory" ]; then
    step=clean since=$EPOCHREALTIME
    clean
    record
  fi
  [ "$outcome" != refused ] || [ -n "$(serving)" ] || outcome=down
  report >&3
  exit "${exits[$outcome]}"
}

restore() {
  [ -n "$back" ] || rm -f "$enabled/petsage"
  [ -z "$welcome" ] || ln -s "$welcome" "$enabled/default"
  [ ! -e "$directory/site.old" ] || mv "$directory/site.old" "$directory/site.conf"
  point current "$back"
  point former "$earlier"
  [ -z "$changed" ] || systemctl try-reload-or-restart nginx
}

main "$@"

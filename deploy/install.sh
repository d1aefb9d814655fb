#!/usr/bin/env bash
# Install the commit that this clone is at, or upgrade to it; docs/deployment.md has the steps.
#
#   sudo deploy/install.sh [HOST...]    the names that clients use; required the first time only
#
# It ends by probing the new release through nginx, and goes back to the former one if that fails.
set -euo pipefail

clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The tests install under a directory of their own.
root=${DESTDIR:-}
home=$root/opt/petsage
settings=$root/etc/petsage/petsage.env
unit=$root/etc/systemd/system/petsage.service
timezone=$root/etc/systemd/system/nginx.service.d/petsage.conf
available=$root/etc/nginx/sites-available/petsage
enabled=$root/etc/nginx/sites-enabled

main() {
  require_what_is_needed
  write_settings "$@"
  release=$(release_of_clone)
  former=$(current_release)
  build "$release"
  if activate "$release" && probe "$release"; then
    say "release $release serves"
    return
  fi
  if [ -z "$former" ] || [ "$former" = "$release" ]; then
    die "release $release does not serve; 'journalctl -u petsage -u nginx' says why"
  fi
  say "release $release does not serve; going back to $former"
  activate "$former" && probe "$former" ||
    die "neither $release nor $former serves; 'journalctl -u petsage -u nginx' says why"
  die "release $release was refused, $former serves again; 'journalctl -u petsage' says why"
}

say() { echo "install.sh: $*" >&2; }
die() { say "$*"; exit 1; }

require_what_is_needed() {
  [ "$(id -u)" = 0 ] || die "got user $(id -un), expected root; run it with sudo"
  local program
  for program in git make nginx python3 systemctl; do
    [ -n "$(PATH=$PATH:/usr/sbin command -v "$program")" ] ||
      die "$program is not installed; apt-get install git make nginx-light python3-venv"
  done
}

# The settings are written once and are the operator's from then on.
write_settings() {
  [ ! -e "$settings" ] || return 0
  [ $# -gt 0 ] || die "got no hosts, expected the names that clients use; deploy/install.sh HOST..."
  mkdir -p "$(dirname "$settings")"
  (
    umask 077
    {
      echo "DJANGO_ALLOWED_HOSTS=$(IFS=,; echo "$*")"
      echo "DJANGO_SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')"
    } > "$settings.new"
  )
  mv "$settings.new" "$settings"
}

# git refuses a clone of another user's unless it is named.
git_in_clone() { git -c "safe.directory=$clone" -C "$clone" "$@"; }

release_of_clone() {
  [ -z "$(git_in_clone status --porcelain)" ] ||
    die "got uncommitted changes, expected a commit; commit or stash them"
  git_in_clone rev-parse --short=12 HEAD
}

current_release() {
  [ ! -L "$home/current" ] || basename "$(readlink "$home/current")"
}

# Runs a command of a release under the settings.
in_release() {
  local release=$1
  shift
  (
    cd "$home/releases/$release"
    set -a
    # shellcheck disable=SC1090,SC1091
    . "$settings"
    PETSAGE_RELEASE=$release
    "$@"
  )
}

build() {
  local release=$1 directory=$home/releases/$1
  if [ ! -e "$directory/release.env" ]; then
    rm -rf "$directory"
    mkdir -p "$directory"
    git_in_clone archive "$release" | tar -x -C "$directory"
    install_requirements "$directory"
    in_release "$release" .venv/bin/python manage.py collectstatic --no-input --verbosity 0
  fi
  in_release "$release" .venv/bin/python manage.py check --deploy --fail-level WARNING
  local host
  host=$(in_release "$release" sh -c 'echo "$DJANGO_ALLOWED_HOSTS"')
  host=${host%%,*}
  # Last: its presence says that the release is whole.
  printf 'PETSAGE_RELEASE=%s\nPETSAGE_HOST=%s\n' "$release" "${host#.}" > "$directory/release.env"
}

install_requirements() { make --no-print-directory -C "$1" install; }

# Each file is complete before it takes the place of the former one.
activate() {
  local release=$1 directory=$home/releases/$1
  mkdir -p "$(dirname "$unit")" "$(dirname "$timezone")" "$(dirname "$available")" "$enabled" &&
    in_release "$release" .venv/bin/python -m deploy.nginx --render > "$available.new" &&
    mv "$available.new" "$available" &&
    ln -sfn ../sites-available/petsage "$enabled/petsage" &&
    # Debian's welcome page is a default server too, and there can be one.
    rm -f "$enabled/default" &&
    install -m 644 "$directory/deploy/petsage.service" "$unit" &&
    # The log's times are UTC, from the next start of nginx on.
    printf '[Service]\nEnvironment=TZ=UTC\n' > "$timezone" &&
    ln -sfn "releases/$release" "$home/current.new" &&
    mv -T "$home/current.new" "$home/current" &&
    nginx -t -q &&
    systemctl daemon-reload &&
    systemctl enable --quiet petsage nginx &&
    systemctl restart petsage &&
    systemctl reload-or-restart nginx
}

# PROBE_OPTIONS is for a host whose name leads elsewhere first, to a load balancer.
probe() {
  local release=$1
  in_release "$release" sh -c '
    . ./release.env
    exec .venv/bin/python manage.py smoke_test "https://$PETSAGE_HOST/smoke-test/" \
      --release "$PETSAGE_RELEASE" --wait 20 $PROBE_OPTIONS'
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"

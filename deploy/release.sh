# install.sh's functions for releases, instances and steps; it sources this file.
# shellcheck shell=bash

umask 022
home=/opt/petsage settings=/etc/petsage/petsage.env units=/etc/systemd/system
enabled=/etc/nginx/sites-enabled current=$home/current/site.conf
declare -A exits=([serves]=0 [uninstalled]=0 [refused]=10 [down]=20 [missing]=30 [interrupted]=130)
began=$EPOCHREALTIME step='' steps='' reason=''

# Points the link to the release in one rename, or removes it.
point() {
  [ -n "${2-}" ] || { rm -f "$home/$1"; return; }
  ln -sfn "releases/$2" "$home/$1.new"
  mv -T "$home/$1.new" "$home/$1"
}

target() { [ ! -L "$home/$1" ] || basename "$(readlink "$home/$1")"; }
active() { [ -n "$1" ] && systemctl is-active --quiet "petsage-$1@"{1,2}; }
# The release that responds through nginx.
serving() { active "$(target current)" && systemctl is-active --quiet nginx && target current || true; }

fail() { reason=$1; echo "install.sh: $reason"; exit 1; }
run() {
  output=$("$@" 2>&1) && return
  echo "$output"
  # The code of the probe or check, or else the last line.
  [[ $output =~ \(smoke_test\.([a-z]+\.[a-z_]+)\) || $output =~ \(([a-z_]+\.[EW][0-9]+)\) ]] || true
  reason=${BASH_REMATCH[1]-${output##*$'\n'}}
  exit 1
}
# systemd reads the settings, as it does for the service; the running service has priority.
systemd() { systemd-run --quiet --wait --pipe --collect --nice 10 -p "EnvironmentFile=-$settings" "$@"; }
in_release() {
  run systemd -E "PETSAGE_RELEASE=$commit" -p "WorkingDirectory=$directory" \
    "$directory/.venv/bin/python" "$@"
}
# shellcheck disable=SC2016 # systemd expands it
probe() { in_release -m smoke_test.probe "$@" --release "$commit" '$PROBE_OPTIONS'; }
# git rejects another user's clone unless it is listed as safe.
in_clone() { git -c "safe.directory=$clone" -C "$clone" "$@"; }
# The settings are written only once; after that they belong to the operator.
write_settings() {
  install -D -m 600 /dev/null "$settings.new"
  printf 'DJANGO_ALLOWED_HOSTS=%s\nDJANGO_SECRET_KEY=%s\n' "$1" \
    "$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')" > "$settings.new"
  mv "$settings.new" "$settings"
}
record() {
  steps+=", \"$step\": $(seconds "$since")"
  echo "install.sh: $step: ${steps##* } s"
  step=''
}
seconds() { awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $1 }"; }
report() {
  printf '{"outcome": "%s", "wanted": %s, "serving": %s, "former": %s, "reason": %s, ' \
    "$outcome" "$(json "$commit")" "$(json "$(serving)")" "$(json "$former")" "$(json "$reason")"
  printf '"seconds": %s, "steps": {%s}}\n' "$(seconds "$began")" "${steps#, }"
}
json() { [ -z "$1" ] && printf null || printf '"%s"' "$(tr -d '[:cntrl:]' <<< "${1//[\\\"]/\'}")"; }

# Stops and removes all instances except the current ones, and all releases except three.
clean() {
  local unit release kept=0
  # A request in flight takes at most 4.8 s, and nginx keeps a connection for 3 s.
  [ -z "$switched" ] || [ "${was:-$commit}" = "$commit" ] || sleep 5
  for unit in "$units"/petsage-*@.service; do
    release=${unit##*/petsage-} release=${release%@.service}
    [ -e "$unit" ] && [ "$release" != "$(target current)" ] || continue
    systemctl disable --now --quiet "petsage-$release@"{1,2}
    rm -f "$unit" "/run/petsage-$release-"{1,2}.failures
    systemctl reset-failed "petsage-$release@"{1,2} 2> /dev/null
  done
  systemctl daemon-reload
  # shellcheck disable=SC2045 # the names are commits
  for release in $(ls -t "$home/releases"); do
    [[ $release != "$(target current)" && $release != "$(target former)" ]] || continue
    # Also keep the newest other one, unless it was refused or is half built.
    [[ ( $outcome = serves || $release != "$commit" ) && -e $home/releases/$release/built ]] &&
      [ $((kept++)) = 0 ] || rm -rf "${home:?}/releases/$release"
  done
  rm -rf ${trial:+"$trial"} "${directory:-$home}/site."{new,old}
  [ "$outcome" != uninstalled ] || rm -rf "$home"
}

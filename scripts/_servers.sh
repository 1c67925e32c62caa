# Sourced by the verbs that need PostgreSQL or Redis: installs Debian's packages where apt and root are there. For tests
# only. They start servers of their own; those of the packages are not started.
#
# Where a server cannot be had, its tests skip and say so; in CI that is a failure.

ensure_postgres() { have postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || debian_package postgresql; }

ensure_redis() { have redis-server || debian_package redis-server; }

debian_package() {
  if ! have apt-get || [ "$(id -u)" != 0 ]; then
    say "$1 is not here and cannot be installed (no apt, or not root): the tests that need it are left out."
    return 1
  fi
  say "Installing $1 …"
  # The index is fetched only where it does not do as it is.
  install_package "$1" >/dev/null 2>&1 && return
  if quietly apt_get update && quietly install_package "$1"; then return; fi
  say "$1 could not be installed: the tests that need it are left out."
  return 1
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@"; }

# Installs without a service being started; see invoke-rc.d(8). A policy of the machine's own stays as it is.
install_package() {
  local policy=/usr/sbin/policy-rc.d ours= status=0
  if [ ! -e "$policy" ]; then
    ours=1
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt_get install -y --no-install-recommends "$1" || status=$?
  [ -z "$ours" ] || rm -f "$policy"
  return "$status"
}

# shellcheck shell=bash
# Installs the Debian packages that deploy/packages.list names. Sourced, not run:
#
#   source deploy/packages.sh
#   ensure_packages build         # what a build needs
#   ensure_packages build test    # and what the tests need
#
# Does nothing when all are present. Otherwise installs the missing ones as root; as anybody else
# it prints the one command to run and returns 1. Services that come with a package (nginx,
# HAProxy, Prometheus) are neither started nor left enabled: they are tools here.

HOLDFAST_PACKAGES_LIST="$(dirname "${BASH_SOURCE[0]}")/packages.list"

# Prints the missing packages of the given groups, one a line.
missing_packages() {
  local group package present_if status
  while read -r group package present_if _; do
    [[ -z "${group}" || "${group}" == "#"* || " $* " != *" ${group} "* ]] && continue
    if [[ "${present_if}" != "-" ]]; then
      command -v "${present_if}" >/dev/null && continue
    else
      status="$(dpkg-query -W -f='${db:Status-Status}' "${package}" 2>/dev/null)" || status=''
      [[ "${status}" == installed ]] && continue
    fi
    echo "${package}"
  done <"${HOLDFAST_PACKAGES_LIST}"
}

# ensure_packages GROUP...: returns 0 when every package of the groups is there.
ensure_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "error: this script needs Debian 12's apt-get; on another system install the" \
      "equivalents of ${HOLDFAST_PACKAGES_LIST} and build with bazel yourself" >&2
    return 1
  fi
  local group
  for group in "$@"; do
    if ! grep -q "^${group} " "${HOLDFAST_PACKAGES_LIST}"; then
      echo "error: ${HOLDFAST_PACKAGES_LIST} has no group '${group}'" >&2
      return 1
    fi
  done
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return 0
  if ((EUID != 0)); then
    echo "error: ${#missing[@]} packages are missing and only root can install them. Run:" >&2
    echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    return 1
  fi
  echo "Installing ${#missing[@]} missing packages: ${missing[*]}" >&2
  # A subshell, so that its traps are not the caller's; on stderr, because a caller's stdout may
  # be its answer.
  (install_without_services "${missing[@]}") >&2 || {
    echo "error: apt-get could not install: ${missing[*]}" >&2
    return 1
  }
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return 0
  echo "error: still missing after apt-get install: ${missing[*]}" >&2
  return 1
}

# Runs in its own subshell. Debian's way to say "start no service" is /usr/sbin/policy-rc.d
# answering 101; one that the machine already has is its owner's and stays. Units that this
# installation brought are then disabled, so that the next boot does not start them either; units
# that were there before are not touched.
install_without_services() {
  local policy=/usr/sbin/policy-rc.d units_before
  units_before="$(enabled_units)"
  if [[ ! -e "${policy}" ]]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\n# Temporary, by deploy/packages.sh.\nexit 101\n' >"${policy}" || return 1
    chmod 755 "${policy}" || return 1
  fi
  local -a apt=(apt-get -o DPkg::Lock::Timeout=300)
  "${apt[@]}" -q update || return 1
  DEBIAN_FRONTEND=noninteractive \
    "${apt[@]}" -q install -y --no-install-recommends "$@" || return 1
  local unit
  while read -r unit; do
    [[ -n "${unit}" ]] || continue
    echo "Disabling ${unit}: installed as a tool, not as a service" >&2
    systemctl disable --quiet "${unit}" || return 1
  done < <(comm -13 <(echo "${units_before}") <(enabled_units))
}

# Prints the enabled services, sorted; nothing where there is no systemd.
enabled_units() {
  local link
  for link in /etc/systemd/system/multi-user.target.wants/*.service; do
    [[ -L "${link}" ]] && basename "${link}"
  done | LC_ALL=C sort
}

# shellcheck shell=bash
# What the tests of this folder share. Sourced after `set -euo pipefail`.

# shellcheck disable=SC2034  # used by those that source this
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# Things that are slow to make and the same every time; safe to delete.
# shellcheck disable=SC2034
CACHE="${XDG_CACHE_HOME:-${HOME}/.cache}/holdfast"

# The exit code that tests/deploy/run reports as SKIP.
SKIPPED=77

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

skip() {
  echo "SKIPPED: $*" >&2
  exit "${SKIPPED}"
}

# Ends the test unless $HOLDFAST names the gateway's binary.
require_holdfast() {
  [[ -n "${HOLDFAST:-}" ]] || fail "set HOLDFAST to the path of the holdfast binary"
  [[ -x "${HOLDFAST}" ]] || fail "HOLDFAST=${HOLDFAST} is not an executable file"
}

# expect_in NEEDLE HAYSTACK WHAT
expect_in() {
  [[ "$2" == *"$1"* ]] || fail "$3: expected to find '$1' in:"$'\n'"$2"
}

# expect_equal EXPECTED ACTUAL WHAT
expect_equal() {
  [[ "$1" == "$2" ]] || fail "$3: expected '$1', got '$2'"
}

# retry_for SECONDS COMMAND...: until the command succeeds.
retry_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

#!/usr/bin/env bash
# Builds the container image from an optimised build of the tree.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: deploy/image.sh [OPTION...] [-- BUILDER-ARGUMENT...]

  --tag NAME       the image's name (default: localhost/holdfast:latest)
  --base IMAGE     the base image (default: the Dockerfile's, debian:bookworm-slim)
  --builder NAME   docker, podman or buildah (default: the first one found)
  --binary FILE    package this binary instead of building one
  -h, --help       show this text

What follows -- goes to the builder's build command, for example --pull.
EOF
}

main() {
  local tag=localhost/holdfast:latest base='' builder='' binary=''
  while (($#)); do
    case "$1" in
      -h | --help) usage; return 0 ;;
      --tag | --base | --builder | --binary)
        (($# >= 2)) || fail "$1 needs a value"
        printf -v "${1#--}" '%s' "$2"
        shift 2
        ;;
      --) shift; break ;;
      *) fail "unknown option '$1'; --help lists them" ;;
    esac
  done

  local deploy
  deploy="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
  [[ -n "${builder}" ]] || builder="$(find_builder)"
  local -a build
  case "${builder}" in
    docker | podman) build=("${builder}" build) ;;
    buildah) build=(buildah bud) ;;
    *) fail "unknown builder '${builder}': docker, podman or buildah" ;;
  esac
  [[ -n "${binary}" ]] || binary="$("${deploy}/quickstart" --build-only)"
  [[ -x "${binary}" ]] || fail "no executable at '${binary}'"

  # A trap's command runs after main's variables are gone, hence the global.
  context="$(mktemp -d)"
  trap 'rm -rf "${context}"' EXIT
  install -m 755 "${binary}" "${context}/holdfast"
  install -m 644 "${deploy}/image-default.yaml" "${context}/holdfast.yaml"
  [[ -z "${base}" ]] || build+=(--build-arg "BASE=${base}")
  "${build[@]}" --file "${deploy}/Dockerfile" --tag "${tag}" "$@" "${context}"
  echo "built ${tag}"
}

find_builder() {
  local name
  for name in docker podman buildah; do
    command -v "${name}" >/dev/null && echo "${name}" && return 0
  done
  fail "no docker, podman or buildah found"
}

fail() {
  echo "error: $*" >&2
  exit 2
}

main "$@"

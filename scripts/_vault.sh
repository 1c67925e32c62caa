# Sourced by the verbs that need a real Vault: builds it once into the cache. For tests and the demo only.
#
# Nobody publishes it as a package, but it is a Go module. Only some versions build as a dependency of another module;
# a new one has to be tried. With Kubernetes authentication, so without its tag `minimal`.
VAULT_VERSION=1.21.0

vault_program() { printf '%s\n' "$CACHE/vault-$VAULT_VERSION/vault"; }

# Builds Vault unless it is there: about ten minutes on two idle cores; 360 MB of program, 3 GB in Go's caches.
ensure_vault() {
  local program folder; program=$(vault_program)
  [ -x "$program" ] && return
  have go || { say "Go is not here: Vault cannot be built, and the tests that need it are left out."; return 1; }
  folder=$CACHE/vault-$VAULT_VERSION.building
  mkdir -p "$folder"
  exec 9>"$CACHE/vault-$VAULT_VERSION.lock"
  flock 9
  if [ ! -x "$program" ]; then
    say "Building Vault $VAULT_VERSION, once: this takes some minutes …"
    cat >"$folder/main.go" <<'GO'
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() { os.Exit(command.Run(os.Args[1:])) }
GO
    printf 'module vault\n\ngo 1.25.0\n\nrequire github.com/hashicorp/vault v%s\n' "$VAULT_VERSION" >"$folder/go.mod"
    # -e: some modules that only Vault's own tests need cannot be had.
    quietly env -C "$folder" GOFLAGS=-buildvcs=false go mod tidy -e || { flock -u 9; return 1; }
    mkdir -p "$(dirname "$program")"
    quietly env -C "$folder" CGO_ENABLED=0 GOFLAGS=-buildvcs=false nice go build -trimpath -ldflags '-s -w' \
      -o "$folder/vault" . || { flock -u 9; return 1; }
    mv "$folder/vault" "$program"
    rm -rf "$folder"
  fi
  flock -u 9
}

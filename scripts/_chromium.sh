# Sourced after _servers.sh by the verbs that need a browser: Debian's Chromium for the tests of the console, with the
# plain font that their pages fall back to.
#
# Where it cannot be had, the tests in a browser skip and say so; in CI that is a failure.

ensure_chromium() { have chromium || have chromium-browser || debian_package chromium; }

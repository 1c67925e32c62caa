// Package polyglot uses the Go client of Hedgerow as a service elsewhere does: from a module of its own, against a router
// in a process of its own. The tests need its addresses in the environment; tests/polyglot/test_go.py sets them.
package polyglot

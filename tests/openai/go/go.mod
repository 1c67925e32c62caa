module hedgerow.internal/tests/openai

go 1.24.0

// v3.40: later ones grow to three times its size, take minutes to compile, and want Go 1.25 or 1.26.
require github.com/openai/openai-go/v3 v3.40.0

require (
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
)

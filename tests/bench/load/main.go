// Command load is the load and the upstream of Hedgerow's benchmarks in one process: a mock of OpenAI's API on a free port
// of 127.0.0.1, and a generator of calls over gRPC and HTTP. It is driven by JSON lines on standard input, and ends with it.
//
// The first line that it writes tells the mock's address. A command is {"id": 1, "op": "run", "run": {…}}; its result is a line
// with the same id, written when it is over. Commands run side by side. Times are in seconds.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// A command is one line of standard input.
type command struct {
	ID int `json:"id"`
	// run: makes calls; hold: opens streams and leaves them open; release: ends those; book: what the mock has counted.
	Op  string   `json:"op"`
	Run *runSpec `json:"run,omitempty"`
}

// A reply is one line of standard output.
type reply struct {
	ID     int          `json:"id"`
	Mock   string       `json:"mock,omitempty"`
	Result *runResult   `json:"result,omitempty"`
	Opened int          `json:"opened,omitempty"`
	Book   *bookReading `json:"book,omitempty"`
	Error  string       `json:"error,omitempty"`
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func serve() error {
	upstream, err := startMock()
	if err != nil {
		return err
	}
	var writing sync.Mutex
	out := json.NewEncoder(os.Stdout)
	tell := func(one reply) {
		writing.Lock()
		defer writing.Unlock()
		// Whoever drives this has gone when it fails; standard input ends then, too.
		_ = out.Encode(one)
	}
	tell(reply{Mock: upstream.address})
	drives := newDriver(upstream)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<16), 1<<24)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return fmt.Errorf("a line that is no command: %w", err)
		}
		go func() {
			answer := drives.do(asked)
			answer.ID = asked.ID
			tell(answer)
		}()
	}
	return lines.Err()
}

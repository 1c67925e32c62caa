package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A runSpec says which calls to make and how.
type runSpec struct {
	Target target   `json:"target"`
	Call   callSpec `json:"call"`
	// How many calls at once; with open_rate_per_s the most that may be under way.
	Width int `json:"width"`
	// Whichever comes first ends the run; calls that have begun are waited for. One of them must be given.
	Seconds float64 `json:"seconds"`
	Count   int64   `json:"count"`
	// A closed loop that begins no more than so many calls a second; 0 is as many as it can.
	CapPerS float64 `json:"cap_per_s"`
	// An open loop: calls come at random (Poisson), whatever became of those before, and are timed from when they should have
	// begun.
	OpenRatePerS float64 `json:"open_rate_per_s"`
}

// A runResult is what became of the calls.
type runResult struct {
	OK       int64              `json:"ok"`
	Failed   int64              `json:"failed"`
	Pieces   int64              `json:"pieces"` // of content in the calls that went well, as the upstream sent them
	Messages int64              `json:"messages"`
	Seconds  float64            `json:"seconds"`
	Errors   map[string]int     `json:"errors"`
	Latency  map[string]float64 `json:"latency"`
	First    map[string]float64 `json:"first"`
	Gap      map[string]float64 `json:"gap"`
	Mock     *bookReading       `json:"mock"`
}

const holdPatience = 10 * time.Second

type driver struct {
	mock    *mock
	mutex   sync.Mutex
	callers map[target]caller
	holds   []context.CancelFunc
}

func newDriver(upstream *mock) *driver {
	return &driver{mock: upstream, callers: map[target]caller{}}
}

func (d *driver) do(asked command) reply {
	switch {
	case asked.Op == "book":
		return reply{Book: d.mock.book.read()}
	case asked.Op == "release":
		return reply{Opened: d.letGo()}
	case asked.Run == nil:
		return reply{Error: "an unknown command: " + asked.Op}
	}
	one, err := d.caller(asked.Run.Target)
	if err != nil {
		return reply{Error: err.Error()}
	}
	prepared, err := one.prepare(asked.Run.Call)
	if err != nil {
		return reply{Error: err.Error()}
	}
	if asked.Op == "hold" {
		opened, err := d.hold(prepared, asked.Run)
		if err != nil {
			return reply{Opened: opened, Error: err.Error()}
		}
		return reply{Opened: opened}
	}
	if asked.Run.Count <= 0 && asked.Run.Seconds <= 0 {
		return reply{Error: "neither count nor seconds"}
	}
	before := d.mock.book.read()
	result := run(prepared, asked.Run)
	result.Mock = d.mock.book.read().since(before)
	return reply{Result: result}
}

// caller keeps connections from one run to the next.
func (d *driver) caller(of target) (caller, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if one, there := d.callers[of]; there {
		return one, nil
	}
	one, err := newCaller(of)
	if err == nil {
		d.callers[of] = one
	}
	return one, err
}

// hold opens so many streams and reads the first piece of each.
func (d *driver) hold(prepared call, asked *runSpec) (int, error) {
	var opened atomic.Int64
	var failure atomic.Pointer[error]
	next := make(chan struct{})
	var workers sync.WaitGroup
	for range max(1, asked.Width) {
		workers.Go(func() {
			for range next {
				ctx, cancel := context.WithCancel(context.Background())
				late := time.AfterFunc(holdPatience, cancel)
				if err := prepared.open(ctx); err != nil || !late.Stop() {
					cancel()
					if err == nil {
						err = context.DeadlineExceeded
					}
					failure.Store(&err)
					continue
				}
				opened.Add(1)
				d.mutex.Lock()
				d.holds = append(d.holds, cancel)
				d.mutex.Unlock()
			}
		})
	}
	for range asked.Count {
		next <- struct{}{}
	}
	close(next)
	workers.Wait()
	if err := failure.Load(); err != nil {
		return int(opened.Load()), *err
	}
	return int(opened.Load()), nil
}

func (d *driver) letGo() int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	count := len(d.holds)
	for _, cancel := range d.holds {
		cancel()
	}
	d.holds = nil
	d.mock.renew()
	return count
}

// A tally collects what became of calls; one for each worker, so that nothing is shared while they run.
type tally struct {
	ok, failed, pieces, messages int64
	errors                       map[string]int
	latency, first, gap          []float64
}

func (t *tally) add(had outcome, err error, took time.Duration) {
	if err != nil {
		t.failed++
		text := err.Error()
		t.errors[text[:min(len(text), 160)]]++
		return
	}
	t.ok++
	t.pieces += had.pieces
	t.messages += int64(had.messages)
	t.latency = append(t.latency, took.Seconds())
	if had.first > 0 {
		t.first = append(t.first, had.first.Seconds())
	}
	t.gap = append(t.gap, had.gaps...)
}

func run(prepared call, asked *runSpec) *runResult {
	began := time.Now()
	var tallies []*tally
	if asked.OpenRatePerS > 0 {
		tallies = open(prepared, asked, began)
	} else {
		tallies = closed(prepared, asked, began)
	}
	return summed(tallies, time.Since(began))
}

func (s *runSpec) over(number int64, at, began time.Time) bool {
	return s.Count > 0 && number >= s.Count || s.Seconds > 0 && at.Sub(began).Seconds() >= s.Seconds
}

func closed(prepared call, asked *runSpec, began time.Time) []*tally {
	var taken atomic.Int64
	var workers sync.WaitGroup
	tallies := make([]*tally, max(1, asked.Width))
	for i := range tallies {
		mine := &tally{errors: map[string]int{}}
		tallies[i] = mine
		workers.Go(func() {
			for {
				number := taken.Add(1) - 1
				if asked.CapPerS > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(float64(number) / asked.CapPerS * 1e9))))
				}
				start := time.Now()
				if asked.over(number, start, began) {
					return
				}
				had, err := prepared.make(start)
				mine.add(had, err, time.Since(start))
			}
		})
	}
	workers.Wait()
	return tallies
}

func open(prepared call, asked *runSpec, began time.Time) []*tally {
	var mutex sync.Mutex
	var under sync.WaitGroup
	shared := &tally{errors: map[string]int{}}
	room := make(chan struct{}, max(1, asked.Width))
	draws := rand.New(rand.NewPCG(1, 2))
	due := began
	for number := int64(0); ; number++ {
		due = due.Add(time.Duration(draws.ExpFloat64() / asked.OpenRatePerS * 1e9))
		if asked.over(number, due, began) {
			break
		}
		time.Sleep(time.Until(due))
		select {
		case room <- struct{}{}:
		default:
			mutex.Lock()
			shared.add(outcome{}, fmt.Errorf("more than %d calls under way", asked.Width), 0)
			mutex.Unlock()
			continue
		}
		start := due
		under.Go(func() {
			had, err := prepared.make(start)
			took := time.Since(start)
			<-room
			mutex.Lock()
			defer mutex.Unlock()
			shared.add(had, err, took)
		})
	}
	under.Wait()
	return []*tally{shared}
}

package main

import (
	"slices"
	"time"
)

func summed(tallies []*tally, took time.Duration) *runResult {
	result := &runResult{Errors: map[string]int{}, Seconds: took.Seconds()}
	var latency, first, gap []float64
	for _, one := range tallies {
		result.OK += one.ok
		result.Failed += one.failed
		result.Pieces += one.pieces
		result.Messages += one.messages
		for text, count := range one.errors {
			result.Errors[text] += count
		}
		latency, first, gap = append(latency, one.latency...), append(first, one.first...), append(gap, one.gap...)
	}
	result.Latency, result.First, result.Gap = quantiles(latency), quantiles(first), quantiles(gap)
	return result
}

func quantiles(values []float64) map[string]float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	at := func(share float64) float64 { return values[min(len(values)-1, int(share*float64(len(values))))] }
	return map[string]float64{"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": values[len(values)-1]}
}

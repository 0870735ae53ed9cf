//go:build bench

package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// rate is what one round reached, in operations a second.
type rate float64

// alternate runs the bare loop and the vault in turns and returns the median rate of each.
func alternate(t *testing.T, rounds int, bare, vault func() rate) (bareMedian, vaultMedian rate) {
	t.Helper()
	var bares, vaults []rate
	bare() // warm up: connections, caches, code paths
	vault()
	for range rounds {
		bares = append(bares, bare())
		vaults = append(vaults, vault())
	}
	t.Logf("bare rounds %s, vault rounds %s", join(bares), join(vaults))
	return median(bares), median(vaults)
}

func join(rates []rate) string {
	texts := make([]string, len(rates))
	for i, r := range rates {
		texts[i] = fmt.Sprintf("%.0f", float64(r))
	}
	return strings.Join(texts, "/")
}

func median(rates []rate) rate {
	sorted := slices.Sorted(slices.Values(rates))
	return sorted[len(sorted)/2]
}

// since returns the rate of n operations that began then.
func since(began time.Time, n int) rate { return rate(float64(n) / time.Since(began).Seconds()) }

// compare adds a row about the vault against the bare loop.
func compare(t *testing.T, what string, bare, vault rate, reach, aim float64) {
	t.Helper()
	Add(t, Row{What: what, Figures: fmt.Sprintf("bare %.0f/s, vault %.0f/s", float64(bare), float64(vault)),
		Value: float64(vault) / float64(bare), Reach: reach, Aim: aim})
}

//go:build unix

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // that Redis is away is the point
	testenv.Main(m, testenv.Roles{goWorkerRole: goWorker})
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// amount reads how much a run does; small is what the ordinary tests do.
func amount(t *testing.T, variable string, small int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return small
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s is %q", variable, text)
	}
	return n
}

// troubleTime is for how long a run makes trouble.
func troubleTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("CHAOS_TROUBLE")
	if text == "" {
		return 6 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// choices is the run's source of chance. Its seed is printed first.
func choices(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("CHAOS_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// between is a random time of at least low and less than high.
func between(rnd *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rnd.Int64N(int64(high-low)))
}

// dial opens a plain client on a server.
func dial(t *testing.T, server testenv.RedisServer) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// folder is a folder of the repository.
func folder(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// table is what a run prints in the end.
type table struct{ rows [][2]string }

func (t *table) row(what, format string, args ...any) {
	t.rows = append(t.rows, [2]string{what, fmt.Sprintf(format, args...)})
}

func (t *table) String() string {
	var b strings.Builder
	for _, row := range t.rows {
		fmt.Fprintf(&b, "\n  %-52s %s", row[0], row[1])
	}
	return b.String()
}

// status is the state of a result document.
func status(doc any) string {
	var got struct{ Status string }
	text, ok := doc.(string)
	if !ok || json.Unmarshal([]byte(text), &got) != nil {
		return ""
	}
	return got.Status
}

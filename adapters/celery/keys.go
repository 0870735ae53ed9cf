package celery

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// DefaultQueue is where tasks go that name no queue.
const DefaultQueue = "celery"

// keyspace names every key. The rules are kombu's: kombu/transport/redis.py.
type keyspace struct {
	prefix, resultPrefix string
	sep                  string
	steps                []int
	db                   int
}

func newKeyspace(cfg Config, db int) (keyspace, error) {
	steps := slices.Clone(cfg.PrioritySteps)
	slices.Sort(steps)
	if len(steps) == 0 || steps[0] < 0 || steps[len(steps)-1] > 255 || len(slices.Compact(slices.Clone(steps))) != len(steps) {
		return keyspace{}, fmt.Errorf("celery: priority steps %v: distinct numbers from 0 to 255 are needed", cfg.PrioritySteps)
	}
	resultPrefix := cfg.ResultKeyPrefix
	if resultPrefix != "" && !strings.ContainsAny(resultPrefix[len(resultPrefix)-1:], ":_-.") {
		resultPrefix += "_" // celery/backends/base.py
	}
	return keyspace{prefix: cfg.KeyPrefix, resultPrefix: resultPrefix, sep: cfg.Separator, steps: steps, db: db}, nil
}

// list is the key of the queue's list for a step.
func (k keyspace) list(queue string, step int) string {
	if step == 0 {
		return k.prefix + queue
	}
	return k.prefix + queue + k.sep + strconv.Itoa(step)
}

// step is the list a priority belongs to: the largest step not above it.
func (k keyspace) step(priority int) int {
	priority = min(max(priority, 0), 9)
	out := k.steps[0]
	for _, s := range k.steps {
		if s <= priority {
			out = s
		}
	}
	return out
}

// lists are all lists of a queue, in the order they are served.
func (k keyspace) lists(queue string) []string {
	out := make([]string, len(k.steps))
	for i, s := range k.steps {
		out[i] = k.list(queue, s)
	}
	return out
}

func (k keyspace) unacked() string      { return k.prefix + "unacked" }
func (k keyspace) unackedIndex() string { return k.prefix + "unacked_index" }

// quarantine is a hash of messages that cannot be run: id, then a JSON line saying why, a newline and the raw
// message. Python knows nothing of it.
func (k keyspace) quarantine() string { return k.prefix + "celery-go.quarantine" }

func (k keyspace) binding(exchange string) string { return k.prefix + "_kombu.binding." + exchange }

// bindingMember binds a queue to the exchange of its own name, as Celery declares queues.
func (k keyspace) bindingMember(queue string) string { return queue + k.sep + k.sep + queue }

func (k keyspace) result(id string) string { return k.resultPrefix + "celery-task-meta-" + id }
func (k keyspace) group(id string) string  { return k.resultPrefix + "celery-taskset-meta-" + id }

func (k keyspace) channel(rest string) string {
	return k.prefix + "/" + strconv.Itoa(k.db) + "." + rest
}

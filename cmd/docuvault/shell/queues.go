package shell

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

// Queues looks into the task queues and into the quarantine beside them. Only REDIS_URL is needed.
type Queues struct {
	*celery.Inspector

	names  []string
	broker *celery.Client
}

// QueueState is what there was of one queue.
type QueueState struct {
	Name        string        `json:"name"`
	Waiting     int64         `json:"waiting"`
	ByPriority  map[int]int64 `json:"by_priority"` // lists of Celery's priority steps, empty ones too; 0 is served first
	Held        int           `json:"held"`        // taken and not acknowledged, scheduled ones among them
	Scheduled   int           `json:"scheduled"`   // held for a later time
	Quarantined int           `json:"quarantined"` // taken from here and put aside, because they could not be run
}

// HeldTask is a message that a worker has taken and not acknowledged.
type HeldTask struct {
	TaskID   string     `json:"task_id"`
	Task     string     `json:"task"`
	Queue    string     `json:"queue"`
	Priority int        `json:"priority"`
	Worker   string     `json:"worker"` // empty: none that answers has it
	State    string     `json:"state"`  // active, reserved or scheduled; unknown when no worker that answers has it
	ETA      *time.Time `json:"eta"`    // when it is to run; null: at once
	Until    *time.Time `json:"until"`  // when other workers take it back unless its holder renews it; null: not known
}

// maxAsked is how many held tasks workers are asked about: it bounds the question and the answer.
const maxAsked = 1000

// OpenQueues prepares to look; it connects to nothing yet. Close it when done.
func OpenQueues(cfg *config.Config) (*Queues, error) {
	broker, err := celery.Open(celery.Config{BrokerURL: cfg.RedisURL, PoolSize: 2})
	if err != nil {
		return nil, redisProblem()
	}
	return &Queues{Inspector: celery.NewInspector(broker), names: cfg.Queues, broker: broker}, nil
}

// Close closes the connections.
func (q *Queues) Close() error { return q.broker.Close() }

// Reach asks Redis for a sign of life.
func (q *Queues) Reach(ctx context.Context) error { return q.broker.Ping(ctx) }

// State counts what is in each queue, those that were configured first and then every other that something is held of or
// quarantined from; and lists what is held, the next to be taken back first. A queue whose name is not known is "".
func (q *Queues) State(ctx context.Context, now time.Time) ([]QueueState, []HeldTask, error) {
	held, err := q.Unacked(ctx)
	if err != nil {
		return nil, nil, err
	}
	quarantined, err := q.Quarantine(ctx)
	if err != nil {
		return nil, nil, err
	}
	names := slices.Clone(q.names)
	for _, h := range held {
		names = append(names, h.Queue)
	}
	for _, one := range quarantined {
		names = append(names, one.Queue)
	}
	slices.Sort(names[len(q.names):])
	names = unique(names)
	lengths, err := q.StepLengths(ctx, names...)
	if err != nil {
		return nil, nil, err
	}
	states := make([]QueueState, len(names))
	at := make(map[string]*QueueState, len(names))
	for i, name := range names {
		states[i] = QueueState{Name: name, ByPriority: lengths[name]}
		for _, n := range lengths[name] {
			states[i].Waiting += n
		}
		at[name] = &states[i]
	}
	for _, h := range held {
		at[h.Queue].Held++
		if h.ETA.After(now) {
			at[h.Queue].Scheduled++
		}
	}
	for _, one := range quarantined {
		at[one.Queue].Quarantined++
	}
	tasks, err := q.holders(ctx, held, now)
	return states, tasks, err
}

func (q *Queues) holders(ctx context.Context, held []celery.Held, now time.Time) ([]HeldTask, error) {
	slices.SortFunc(held, func(a, b celery.Held) int { return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.TaskID, b.TaskID)) })
	var ids []string
	for _, h := range held[:min(len(held), maxAsked)] {
		ids = append(ids, h.TaskID)
	}
	holders, err := q.Holders(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("ask the workers: %w", err)
	}
	tasks := make([]HeldTask, len(held))
	for i, h := range held {
		who := holders[h.TaskID]
		state := cmp.Or(who.State, "unknown")
		if h.ETA.After(now) {
			state = "scheduled"
		}
		tasks[i] = HeldTask{TaskID: h.TaskID, Task: h.Task, Queue: h.Queue, Priority: h.Priority, Worker: who.Node, State: state,
			ETA: known(h.ETA), Until: known(h.Until)}
	}
	return tasks, nil
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func unique(names []string) []string {
	var out []string
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
)

// queueLine is everything `docuvault queue` tells, as JSON.
type queueLine struct {
	Queues []shell.QueueState `json:"queues"`
	Held   []shell.HeldTask   `json:"held"`
}

func (p *program) queueCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use: "queue", Short: "Show what waits in the task queues, who holds what, and what is in quarantine",
		Long: `Show the task queues. It looks only, takes nothing, and needs REDIS_URL alone.

WAITING is how many tasks no worker has taken, and BY PRIORITY which: Celery's
steps, 0 served first. HELD are those a worker, Go or Python, has taken and not
acknowledged; SCHEDULED are the ones of them that wait for their time. All
workers are asked which of them they have, which takes a second. A task no
answer names belongs to a worker that is gone, or too busy to answer as Python's
solo pool is; if it is gone, others take the task back at the time under UNTIL.
QUARANTINED are messages that nobody could run; "docuvault queue quarantine"
lists them and says why.`,
		Example: "  docuvault queue\n  docuvault queue --json\n  docuvault queue --queues documents,celery\n  docuvault queue quarantine",
	}, p.quarantineCommand())
	asJSON := jsonFlag(cmd)
	config.AddFlags(cmd.Flags(), config.Queue)
	cmd.RunE = p.onQueues(func(ctx context.Context, cmd *cobra.Command, queues *shell.Queues, _ []string) error {
		now := time.Now()
		states, held, err := queues.State(ctx, now)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), queueLine{Queues: states, Held: held})
		}
		return printQueues(cmd.OutOrStdout(), states, held, now)
	})
	return cmd
}

// onQueues opens the queues for do, and says what to do when Redis does not answer.
func (p *program) onQueues(do func(context.Context, *cobra.Command, *shell.Queues, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		cfg, err := p.load(cmd, config.Queue)
		if err != nil {
			return err
		}
		queues, err := shell.OpenQueues(cfg)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, queues.Close()) }()
		if err := queues.Reach(cmd.Context()); err != nil {
			return fmt.Errorf("the Redis server does not let us in; see that it runs and that REDIS_URL is right: %w", err)
		}
		return do(cmd.Context(), cmd, queues, args)
	}
}

func printQueues(out io.Writer, states []shell.QueueState, held []shell.HeldTask, now time.Time) error {
	table := newTable(out, "QUEUE", "WAITING", "BY PRIORITY", "HELD", "SCHEDULED", "QUARANTINED")
	for _, s := range states {
		table.row(queueName(s.Name), strconv.FormatInt(s.Waiting, 10), byPriority(s.ByPriority), strconv.Itoa(s.Held), strconv.Itoa(s.Scheduled), strconv.Itoa(s.Quarantined))
	}
	if err := table.flush(); err != nil || len(held) == 0 {
		return err
	}
	table = newTable(out, "\nHELD TASK", "ID", "QUEUE", "STATE", "WORKER", "RUNS", "UNTIL")
	for _, h := range held {
		runs := "at once"
		if h.ETA != nil {
			runs = when(*h.ETA, now)
		}
		until := "not known"
		if h.Until != nil {
			until = when(*h.Until, now)
		}
		table.row(dash(h.Task), dash(h.TaskID), queueName(h.Queue), dash(h.State), dash(h.Worker), runs, until)
	}
	return table.flush()
}

// byPriority tells where something waits, in the order it is served.
func byPriority(steps map[int]int64) string {
	var parts []string
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		if n := steps[step]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d: %d", step, n))
		}
	}
	return dash(strings.Join(parts, ", "))
}

// when is a time as people read it beside a clock.
func when(t, now time.Time) string {
	d := t.Sub(now).Round(time.Second)
	if d < 0 {
		return t.Local().Format(time.DateTime) + " (" + (-d).String() + " ago)"
	}
	return t.Local().Format(time.DateTime) + " (in " + d.String() + ")"
}

func queueName(name string) string {
	if name == "" {
		return "(not known)"
	}
	return name
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// table is text in columns. What is in the cells came from outside: nothing in them can steer a terminal.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, titles ...string) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	_, _ = fmt.Fprintln(t.w, strings.Join(titles, "\t")) // flush has the error
	return t
}

func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = plain(cell)
	}
	_, _ = fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t table) flush() error { return t.w.Flush() }

// plain writes what cannot be printed as Go's escapes do.
func plain(text string) string {
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

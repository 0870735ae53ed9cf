package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
)

// quarantinedLine is a message of the quarantine as JSON.
type quarantinedLine struct {
	ID     string    `json:"id"`
	Queue  string    `json:"queue"` // empty: not known
	Reason string    `json:"reason"`
	Detail string    `json:"detail"`
	TaskID string    `json:"task_id"`
	Task   string    `json:"task"`
	At     time.Time `json:"at"`
	Size   int       `json:"size_bytes"`
}

// shownLine is one message with its content: message if it is UTF-8, else message_base64.
type shownLine struct {
	quarantinedLine
	Message       string `json:"message,omitempty"`
	MessageBase64 string `json:"message_base64,omitempty"`
}

// changedLine is what became of the messages that were named.
type changedLine struct {
	Done   []string `json:"done"`
	Failed []string `json:"failed"`
}

const quarantineHelp = `Messages that cannot be run are never executed and never thrown away: a worker
puts them aside with the reason.

    envelope      not a message of Celery's at all
    content-type  pickle, yaml or msgpack; only JSON is read
    compression   unknown, or damaged
    too-large     its body is larger than a worker reads
    body          a message of Celery's whose body makes no sense
    unknown-task  no worker knew the task, however often it was put back

Look at one with show. Once the producer or the worker is mended, requeue puts
messages back to where they came from; purge throws them away for good.`

func (p *program) quarantineCommand() *cobra.Command {
	list := p.quarantineListCommand()
	cmd := group(&cobra.Command{
		Use: "quarantine", Short: "List, look at, put back or throw away messages that nobody could run",
		Long:    quarantineHelp,
		Example: "  docuvault queue quarantine\n  docuvault queue quarantine show ID\n  docuvault queue quarantine requeue ID\n  docuvault queue quarantine purge --all --yes",
	}, list, p.quarantineShowCommand(),
		p.quarantineChangeCommand(&cobra.Command{
			Use: "requeue (ID… | --all)", Short: "Put messages back into the queues they came from, to be tried again",
			Long: `Put messages back into the queues they came from. A message that still cannot be
run comes back into the quarantine. One whose queue is not known stays.`,
			Example: "  docuvault queue quarantine requeue 4a4f…:1\n  docuvault queue quarantine requeue --all",
		}, "put back", (*celery.Inspector).Requeue, false),
		p.quarantineChangeCommand(&cobra.Command{
			Use: "purge (ID… | --all) --yes", Short: "Throw messages away for good",
			Long:    `Throw messages away. They are gone then, which is why --yes has to say that it is meant.`,
			Example: "  docuvault queue quarantine purge 4a4f…:1 --yes\n  docuvault queue quarantine purge --all --yes",
		}, "thrown away", (*celery.Inspector).Purge, true))
	asJSON := jsonFlag(cmd)
	cmd.RunE = p.onQueues(printQuarantine(asJSON)) // without a word, it lists
	return cmd
}

func (p *program) quarantineListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the messages in quarantine, the oldest first", Args: noArgs,
		Example: "  docuvault queue quarantine list\n  docuvault queue quarantine list --json",
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = p.onQueues(printQuarantine(asJSON))
	return cmd
}

func printQuarantine(asJSON *bool) func(context.Context, *cobra.Command, *shell.Queues, []string) error {
	return func(ctx context.Context, cmd *cobra.Command, queues *shell.Queues, _ []string) error {
		list, err := queues.Quarantine(ctx)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if *asJSON {
			lines := make([]quarantinedLine, len(list))
			for i, q := range list {
				lines[i] = lineOf(q)
			}
			return printJSON(out, lines)
		}
		if len(list) == 0 {
			_, err := fmt.Fprintln(out, "nothing is in quarantine")
			return err
		}
		now := time.Now()
		table := newTable(out, "ID", "SINCE", "QUEUE", "REASON", "TASK", "TASK ID", "BYTES", "DETAIL")
		for _, q := range list {
			table.row(q.ID, when(q.At, now), queueName(q.Queue), dash(q.Reason), dash(q.Task), dash(q.TaskID), fmt.Sprint(q.Size), short(q.Detail))
		}
		return table.flush()
	}
}

// short keeps a row on its line.
func short(detail string) string {
	const most = 80
	if runes := []rune(detail); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return dash(detail)
}

func (p *program) quarantineShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show one message, and why it is in quarantine",
		Long: `Show one message with everything that is known of it. Bytes that are no text are
written as escapes; --raw writes the message alone, byte for byte.`,
		Example: "  docuvault queue quarantine show 4a4f…:1\n  docuvault queue quarantine show 4a4f…:1 --raw > message.json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{cmd.CommandPath(), errors.New("name one message; `docuvault queue quarantine list` has their IDs")}
			}
			return nil
		},
	}
	asJSON := jsonFlag(cmd)
	raw := cmd.Flags().Bool("raw", false, "write the message alone, as it was in the queue")
	cmd.MarkFlagsMutuallyExclusive("json", "raw")
	cmd.RunE = p.onQueues(func(ctx context.Context, cmd *cobra.Command, queues *shell.Queues, args []string) error {
		list, err := queues.Quarantine(ctx)
		if err != nil {
			return err
		}
		q, ok := quarantined(list, args[0])
		if !ok {
			return notInQuarantine(args[0])
		}
		message, err := queues.QuarantinedMessage(ctx, q.ID)
		switch {
		case err != nil:
			return err
		case message == nil:
			return notInQuarantine(args[0]) // put back or thrown away this moment
		}
		out := cmd.OutOrStdout()
		switch {
		case *raw:
			_, err = out.Write(message)
		case *asJSON && utf8.Valid(message):
			err = printJSON(out, shownLine{quarantinedLine: lineOf(q), Message: string(message)})
		case *asJSON:
			err = printJSON(out, shownLine{quarantinedLine: lineOf(q), MessageBase64: base64.StdEncoding.EncodeToString(message)})
		default:
			table := newTable(out, "ID\t"+plain(q.ID))
			table.row("since", when(q.At, time.Now()))
			table.row("queue", queueName(q.Queue))
			table.row("reason", dash(q.Reason))
			table.row("detail", dash(q.Detail))
			table.row("task", dash(q.Task))
			table.row("task ID", dash(q.TaskID))
			table.row("bytes", fmt.Sprint(q.Size))
			if err := table.flush(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "\n%s\n", plain(string(message)))
		}
		return err
	})
	return cmd
}

// quarantineChangeCommand gives cmd what requeue and purge have in common.
func (p *program) quarantineChangeCommand(cmd *cobra.Command, done string, change func(*celery.Inspector, context.Context, ...string) (int, error), sure bool) *cobra.Command {
	asJSON := jsonFlag(cmd)
	all := cmd.Flags().Bool("all", false, "all that are in quarantine now")
	yes := !sure
	if sure {
		cmd.Flags().BoolVar(&yes, "yes", false, "yes, they are to be gone")
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		var wrong string
		switch {
		case len(args) == 0 && !*all:
			wrong = "name messages, or --all; `docuvault queue quarantine list` has their IDs"
		case len(args) > 0 && *all:
			wrong = "name messages or --all, not both"
		case !yes:
			wrong = "nothing was thrown away: it could not be brought back; say --yes if that is meant"
		default:
			return nil
		}
		return &usageError{cmd.CommandPath(), errors.New(wrong)}
	}
	cmd.RunE = p.onQueues(func(ctx context.Context, cmd *cobra.Command, queues *shell.Queues, args []string) error {
		list, err := queues.Quarantine(ctx)
		if err != nil {
			return err
		}
		result := changedLine{Done: []string{}, Failed: []string{}}
		var failed []string
		for _, id := range args {
			if _, ok := quarantined(list, id); !ok {
				result.Failed = append(result.Failed, id)
				failed = append(failed, notInQuarantine(id).Error())
			}
		}
		for _, q := range list {
			if !*all && !slices.ContainsFunc(args, func(id string) bool { return names(id, q) }) {
				continue
			}
			n, err := change(queues.Inspector, ctx, q.ID)
			switch {
			case err != nil:
				return fmt.Errorf("%d messages were %s, then: %w", len(result.Done), done, err)
			case n == 1:
				result.Done = append(result.Done, q.ID)
			default:
				result.Failed = append(result.Failed, q.ID)
				failed = append(failed, stays(q))
			}
		}
		if *asJSON {
			err = printJSON(cmd.OutOrStdout(), result)
		} else {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d of %d messages were %s\n", len(result.Done), len(result.Done)+len(result.Failed), done)
		}
		if err == nil && len(failed) > 0 {
			err = errors.New(strings.Join(failed, "\n"))
		}
		return err
	})
	return cmd
}

// stays says why a message that was there a moment ago was not moved.
func stays(q celery.Quarantined) string {
	if q.Queue == "" {
		return fmt.Sprintf("%s stays: it is not known which queue it came from; look at it with show, send its task anew, and purge it", plain(q.ID))
	}
	return fmt.Sprintf("%s is gone: somebody else has put it back or thrown it away", plain(q.ID))
}

func notInQuarantine(id string) error {
	return fmt.Errorf("no message %s is in quarantine; `docuvault queue quarantine list` shows what is", plain(id))
}

// names reports whether somebody means q, by its ID or by the way a list shows it.
func names(id string, q celery.Quarantined) bool { return id == q.ID || id == plain(q.ID) }

func quarantined(list []celery.Quarantined, id string) (celery.Quarantined, bool) {
	i := slices.IndexFunc(list, func(q celery.Quarantined) bool { return names(id, q) })
	if i < 0 {
		return celery.Quarantined{}, false
	}
	return list[i], true
}

func lineOf(q celery.Quarantined) quarantinedLine {
	return quarantinedLine{ID: q.ID, Queue: q.Queue, Reason: q.Reason, Detail: q.Detail, TaskID: q.TaskID, Task: q.Task, At: q.At.UTC(), Size: q.Size}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/adapters/intake"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/serve"
)

func (p *program) importCommand() *cobra.Command {
	var cfg intake.Config
	var data, duplicates string
	var watch bool
	cmd := &cobra.Command{
		Use: "import PATH…", Short: "Bring files and whole folders into a vault",
		Long: `Upload files, and what is in folders and the folders below, to a running vault, or
with --data to the one that "docuvault up" keeps in a folder and that is not running.

A file whose bytes the vault has already is not sent again, so an import that was
cut off is simply run again. Hidden files and symbolic links are passed over. While
the vault says that it is busy or cannot be reached, the import waits.

With --watch the folders are emptied: a file that has not changed for --settle is
sent, and removed once the vault has said that it holds the same bytes. That goes
on until Ctrl-C.

Exit codes: 0 everything is in the vault or was skipped for the reason given, 1
something failed or was cut off, 2 wrong flags.`,
		Example: "  docuvault import ~/Documents\n  docuvault import scans/ --topic Invoices --folder-from-path\n  docuvault import --watch /srv/consume --server https://vault.example.org\n  docuvault import ~/Documents --data /srv/docuvault",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{cmd.CommandPath(), errors.New("name a file or a folder to import")}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Server, "server", "http://127.0.0.1:8000", "the vault's address")
	flags.StringVar(&data, "data", "", "import into the vault that docuvault up keeps in this folder, in place of a running one")
	flags.StringArrayVar(&cfg.Topics, "topic", nil, "file everything under this topic, which there must be; may be given more than once")
	flags.BoolVar(&cfg.FolderFromPath, "folder-from-path", false, "put documents into folders named as those they are in below PATH")
	flags.StringVar(&duplicates, "on-duplicate", string(intake.Existing), "what to do with a file whose bytes the vault has: existing (leave it), reject (skip it) or keep (store it again)")
	flags.IntVar(&cfg.Parallel, "parallel", 4, "how many files to send at once")
	flags.BoolVar(&watch, "watch", false, "go on until Ctrl-C, and remove what is stored")
	flags.DurationVar(&cfg.Settle, "settle", 5*time.Second, "with --watch, how long a file must not have changed")
	asJSON := jsonFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("server", "data")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg.Paths, cfg.OnDuplicate = args, intake.OnDuplicate(duplicates)
		switch {
		case cfg.OnDuplicate != intake.Existing && cfg.OnDuplicate != intake.Reject && cfg.OnDuplicate != intake.Keep:
			return &usageError{cmd.CommandPath(), fmt.Errorf("--on-duplicate %s: must be existing, reject or keep", duplicates)}
		case cfg.Parallel < 1 || cfg.Parallel > 64:
			return &usageError{cmd.CommandPath(), fmt.Errorf("--parallel %d: must be from 1 to 64", cfg.Parallel)}
		case cfg.Settle < time.Second:
			return &usageError{cmd.CommandPath(), fmt.Errorf("--settle %s: must be at least 1s, or half a file might be taken", cfg.Settle)}
		}
		bring := func(ctx context.Context) error { return p.bring(ctx, cmd, cfg, watch, *asJSON) }
		if data == "" {
			return bring(cmd.Context())
		}
		return p.withVault(cmd, data, func(ctx context.Context, url string) error {
			cfg.Server = url
			return bring(ctx)
		})
	}
	return cmd
}

// withVault runs the vault of a data folder for as long as use takes. What is not read by then is read when it runs again.
func (p *program) withVault(cmd *cobra.Command, dir string, use func(ctx context.Context, url string) error) error {
	in := p.input(cmd, config.Up)
	in.Flags = nil // --data is all that is meant
	cfg, err := config.Load(in)
	if err != nil {
		return err
	}
	cfg.DataDir, cfg.ListenAddr = dir, "127.0.0.1:0"
	if cfg.Source("LOG_LEVEL") == config.FromDefault {
		cfg.LogLevel = slog.LevelWarn
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	var used error
	var using sync.WaitGroup
	began := false
	err = serve.Up(ctx, cfg, logger(cmd, cfg), serve.Options{Version: thisBuild().Version, Ready: func(url string) {
		began = true
		using.Go(func() {
			defer stop()
			used = use(ctx, url)
		})
	}})
	stop()
	using.Wait()
	if !began {
		return err
	}
	return errors.Join(used, err)
}

func (p *program) bring(ctx context.Context, cmd *cobra.Command, cfg intake.Config, watch, asJSON bool) error {
	report := &importReport{out: cmd.OutOrStdout(), asJSON: asJSON, watch: watch, began: time.Now(), bar: p.newBytesBar(cmd.ErrOrStderr(), "importing")}
	in, err := intake.Open(ctx, cfg, report)
	if err != nil {
		return err
	}
	defer in.Close()
	if watch {
		if !asJSON {
			_, _ = fmt.Fprintln(report.out, "watching; Ctrl-C stops") // a line nobody can see is no reason to stop
		}
		err = in.Watch(ctx)
	} else {
		err = in.Run(ctx)
	}
	report.bar.finish()
	cutOff := errors.Is(err, context.Canceled)
	if err != nil && !cutOff {
		return err
	}
	if err := report.sum(cutOff); err != nil {
		return err
	}
	if cutOff || !watch && report.Failed > 0 {
		return errSaid
	}
	return nil
}

// importSummary is what came of an import, as JSON.
type importSummary struct {
	Imported int          `json:"imported"`
	Existing int          `json:"existing"`
	Skipped  int          `json:"skipped"`
	Failed   int          `json:"failed"`
	Bytes    int64        `json:"bytes_imported"`
	Seconds  float64      `json:"seconds"`
	CutOff   bool         `json:"cut_off"`
	Files    []importLine `json:"files"`
}

// importReport tells of an import, in words or as JSON: of an import that ends one object, of one that watches a line for each
// file.
type importReport struct {
	importSummary
	out           io.Writer
	asJSON, watch bool
	began         time.Time
	bar           *bytesBar
	mu            sync.Mutex
}

// importLine is what became of one file.
type importLine struct {
	Path     string         `json:"path"`
	Outcome  intake.Outcome `json:"outcome"`
	Reason   string         `json:"reason,omitempty"`
	Document string         `json:"document_id,omitempty"`
	Bytes    int64          `json:"size_bytes"`
	Removed  bool           `json:"removed"`
}

var _ intake.Observer = (*importReport)(nil)

// Found implements intake.Observer.
func (r *importReport) Found(_ int, bytes int64) { r.bar.more(bytes) }

// Sent implements intake.Observer.
func (r *importReport) Sent(bytes int64) { r.bar.add(bytes) }

// Done implements intake.Observer.
func (r *importReport) Done(done intake.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch done.Outcome {
	case intake.Imported:
		r.Imported++
		r.Bytes += done.Bytes
	case intake.Present:
		r.Existing++
	case intake.Skipped:
		r.Skipped++
	default:
		r.Failed++
	}
	line := importLine(done)
	switch {
	case r.asJSON && r.watch:
		_ = json.NewEncoder(r.out).Encode(line) // the end tells of a closed output
	case r.asJSON:
		r.Files = append(r.Files, line)
	case r.watch || done.Outcome == intake.Skipped || done.Outcome == intake.Failed:
		r.bar.aside(func() { _, _ = fmt.Fprintln(r.out, line) }) // the end tells of a closed output
	}
}

// String is the line as people read it.
func (l importLine) String() string {
	text := fmt.Sprintf("%-8s  %s", l.Outcome, l.Path)
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	return text
}

// sum writes the summary.
func (r *importReport) sum(cutOff bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.CutOff, r.Seconds = cutOff, time.Since(r.began).Seconds()
	if r.asJSON {
		if r.watch {
			return nil
		}
		if r.Files == nil {
			r.Files = []importLine{}
		}
		return printJSON(r.out, r.importSummary)
	}
	text := fmt.Sprintf("%d imported (%s), %d in the vault already, %d skipped, %d failed, in %s\n", r.Imported, bytesText(r.Bytes), r.Existing,
		r.Skipped, r.Failed, (time.Duration(r.Seconds * float64(time.Second))).Round(10*time.Millisecond))
	if cutOff {
		text += "cut off; run it again to go on\n"
	}
	_, err := io.WriteString(r.out, text)
	return err
}

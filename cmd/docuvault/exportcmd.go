package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/backup"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/ports"
)

// backupPipe stands for standard output or input as the place of a backup.
const backupPipe = "-"

// isTar reports whether the place of a backup is a tar; otherwise it is a folder.
func isTar(place string) bool { return strings.HasSuffix(place, ".tar") }

// exportSummary is the report as JSON.
type exportSummary struct {
	Differences []verifyLine `json:"differences"`
	rowsSummary
	Objects   int   `json:"objects"`
	Bytes     int64 `json:"bytes"`
	Kept      int   `json:"kept"`
	Deleted   int   `json:"deleted"`
	Different int   `json:"different"`
}

// rowsSummary are numbers of rows as JSON.
type rowsSummary struct {
	Documents int `json:"documents"`
	Folders   int `json:"folders"`
	Topics    int `json:"topics"`
	Filings   int `json:"filings"`
}

func summaryOf(rows ports.RowCounts) rowsSummary {
	return rowsSummary{rows.Documents, rows.Folders, rows.Topics, rows.Filings}
}

// onePlace accepts the place of a backup as the only argument.
func onePlace(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return &usageError{cmd.CommandPath(), errors.New("name one folder, one file that ends in .tar, or - for a pipe")}
	}
	return nil
}

func (p *program) exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "export DIR|FILE.tar|-", Short: "Back everything up, to a folder or a tar", Args: onePlace,
		Long: `Write all rows, as they are at one moment, and the objects they name to a folder, to
a tar, or with - as a tar to standard output; the summary goes to standard error then.
The vault may go on meanwhile. Documents that are deleted before their bytes were read
are left out. Redis has nothing that is worth keeping.

An export to a folder that was cut off is simply run again: what is there is not fetched
again. So is one that was finished, which brings the backup up to date. Only one at a
time may write to a folder.

Exit codes: 0 everything is in the backup, 1 there is no backup, 2 wrong flags, 3 there
is one, without what the vault itself has lost; it is named.`,
		Example: "  docuvault export /srv/backup/docuvault\n  docuvault export vault.tar --json\n  docuvault export - | ssh backup.example.org 'cat > vault.tar'",
	}
	asJSON := jsonFlag(cmd)
	config.AddFlags(cmd.Flags(), config.Sweep)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if file, ok := cmd.OutOrStdout().(*os.File); ok && args[0] == backupPipe && isatty.IsTerminal(file.Fd()) {
			return &usageError{cmd.CommandPath(), errors.New("a backup is nothing for a terminal; send it to a file or a program")}
		}
		cfg, err := p.load(cmd, config.Sweep)
		if err != nil {
			return err
		}
		parts, err := shell.OpenStores(cmd.Context(), cfg, logger(cmd, cfg), shell.Hooks{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, parts.Close()) }()
		out := cmd.OutOrStdout()
		if args[0] == backupPipe {
			out = cmd.ErrOrStderr()
		}
		sink, err := createBackup(args[0], cmd.OutOrStdout())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, sink.Close()) }()
		exporter := app.NewExporter(app.ExporterDeps{Storage: parts.Storage, Repo: parts.Repo, Now: parts.Now})
		return export(cmd.Context(), exporter, sink, out, p.newBytesBar(cmd.ErrOrStderr(), "exporting"), *asJSON)
	}
	return cmd
}

// backupSink is a backup that is being written.
type backupSink interface {
	ports.BackupSink
	io.Closer
}

// createBackup begins a backup at a place.
func createBackup(place string, pipe io.Writer) (backupSink, error) {
	sum := sha256.Sum256(docuvault.SchemaHCL)
	schema := hex.EncodeToString(sum[:])
	switch {
	case place == backupPipe:
		return backup.WriteTar(pipe, schema)
	case isTar(place):
		return backup.CreateTar(place, schema)
	default:
		return backup.CreateFolder(place, schema)
	}
}

func export(ctx context.Context, exporter *app.Exporter, sink ports.BackupSink, out io.Writer, bar *bytesBar, asJSON bool) error {
	summary := exportSummary{Differences: []verifyLine{}}
	report, err := exporter.Export(ctx, sink, app.ExportOptions{Total: bar.more, Done: bar.add, Found: tellEach(out, bar, asJSON, &summary.Differences)})
	bar.finish()
	if err != nil {
		return err
	}
	if asJSON {
		summary.rowsSummary, summary.Objects, summary.Bytes = summaryOf(report.Rows), report.Objects, report.Bytes
		summary.Kept, summary.Deleted, summary.Different = report.Kept, report.Deleted, report.Different
		err = printJSON(out, summary)
	} else {
		_, err = fmt.Fprintf(out, "%d documents, %d folders, %d topics; %d objects, %s: %d were there already; %d documents deleted meanwhile, %d different\n",
			report.Rows.Documents, report.Rows.Folders, report.Rows.Topics, report.Objects, bytesText(report.Bytes), report.Kept, report.Deleted, report.Different)
	}
	if err == nil && report.Different > 0 {
		err = errDiffer
	}
	return err
}

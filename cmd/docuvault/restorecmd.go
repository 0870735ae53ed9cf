package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/adapters/backup"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// restoreSummary is the report as JSON.
type restoreSummary struct {
	rowsSummary
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
	Kept    int   `json:"kept"`
	Deleted int   `json:"deleted"`
	Pending int   `json:"pending"`
}

func (p *program) restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restore DIR|FILE.tar|-", Short: "Bring a backup back into an empty vault", Args: onePlace,
		Long: `Read a backup that "docuvault export" made, from a folder, from a tar, or with - as a
tar from standard input, and bring it back into a vault whose tables are there and empty
(docuvault schema apply). The storage need not be the one that it was made from.

All of a backup is checked before anything is restored; of one from a pipe every object
is checked as it comes, and everything before the rows appear. Objects come first, all
rows together after them. One that was cut off is simply run again: what is in storage
is not stored again.

Exit codes: 0 everything is back, 1 error, 2 wrong flags, 3 no row was restored, because
the vault is not empty or the backup is damaged or unfinished.`,
		Example: "  docuvault restore /srv/backup/docuvault\n  docuvault restore vault.tar --json\n  ssh backup.example.org cat vault.tar | docuvault restore -",
	}
	asJSON := jsonFlag(cmd)
	config.AddFlags(cmd.Flags(), config.Sweep)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		cfg, err := p.load(cmd, config.Sweep)
		if err != nil {
			return err
		}
		parts, err := shell.OpenStores(cmd.Context(), cfg, logger(cmd, cfg), shell.Hooks{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, parts.Close()) }()
		source, err := openBackup(args[0], cmd.InOrStdin())
		if err != nil {
			return refused(cmd, err)
		}
		defer func() { err = errors.Join(err, source.Close()) }()
		restorer := app.NewRestorer(app.RestorerDeps{Storage: parts.Storage, Repo: parts.Repo, Now: parts.Now})
		return refused(cmd, restore(cmd.Context(), restorer, source, cmd.OutOrStdout(), p.newBytesBar(cmd.ErrOrStderr(), "restoring"), *asJSON))
	}
	return cmd
}

// backupSource is a backup that is read.
type backupSource interface {
	ports.BackupSource
	io.Closer
}

// openBackup opens the backup at a place.
func openBackup(place string, pipe io.Reader) (backupSource, error) {
	switch {
	case place == backupPipe:
		return backup.ReadTar(pipe)
	case isTar(place):
		return backup.OpenTar(place)
	default:
		return backup.OpenFolder(place)
	}
}

// refused gives what keeps a backup from being restored the exit code for it.
func refused(cmd *cobra.Command, err error) error {
	switch domain.ErrorReason(err) {
	case "not_empty", "damaged", "unfinished":
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "docuvault:", err) // the exit code tells it too
		return errDiffer
	default:
		return err
	}
}

func restore(ctx context.Context, restorer *app.Restorer, source ports.BackupSource, out io.Writer, bar *bytesBar, asJSON bool) error {
	report, err := restorer.Restore(ctx, source, app.RestoreOptions{Total: bar.more, Done: bar.add})
	bar.finish()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, restoreSummary{summaryOf(report.Rows), report.Objects, report.Bytes, report.Kept, report.Deleted, report.Pending})
	}
	_, err = fmt.Fprintf(out, "%d documents, %d folders, %d topics; %d objects, %s: %d were there already; %d documents had been deleted, %d are pending\n",
		report.Rows.Documents, report.Rows.Folders, report.Rows.Topics, report.Objects, bytesText(report.Bytes), report.Kept, report.Deleted, report.Pending)
	return err
}

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/adapters/metrics"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/domain"
)

// sweepLine is a finding as JSON.
type sweepLine struct {
	Kind     app.FindingKind `json:"kind"`
	Object   string          `json:"object"`
	Document string          `json:"document,omitempty"`
	Size     int64           `json:"size_bytes"`
	Removed  bool            `json:"removed"`
}

// sweepSummary is the report as JSON.
type sweepSummary struct {
	Findings          []sweepLine `json:"findings"`
	Objects           int         `json:"objects"`
	Young             int         `json:"young"`
	Orphans           int         `json:"orphans"`
	Foreign           int         `json:"foreign"`
	Models            int         `json:"models"`
	Removed           int         `json:"removed"`
	Bytes             int64       `json:"orphan_bytes"`
	Documents         int         `json:"documents"`
	Missing           int         `json:"missing"`
	MissingThumbnails int         `json:"missing_thumbnails"`
	Damaged           int         `json:"damaged"`
	Elsewhere         int         `json:"elsewhere"`
	Uploads           int         `json:"stale_uploads"`
	Deleted           bool        `json:"deleted"` // false: a dry run
}

func (p *program) sweepCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sweep", Short: "Find objects that no document names, and documents whose object is gone", Args: noArgs,
		Long: `Compare storage with the database. It only looks, unless --delete is given: then
objects that no document names and uploads that were never finished are removed,
if they are older than the grace time. Documents whose object is gone are
reported, never removed.

Nothing is removed if no document names any of the objects, or if more than 10 and
more than 10 % of them would go: that is how a wrong database looks, or one
restored from a backup. Look at what is found, then give --force.`,
		Example: "  docuvault sweep\n  docuvault sweep --delete\n  docuvault sweep --delete --grace 48h --json",
	}
	asJSON := jsonFlag(cmd)
	remove := cmd.Flags().Bool("delete", false, "remove what is found, in place of only reporting it")
	force := cmd.Flags().Bool("force", false, "with --delete, remove what is found however much it is")
	grace := cmd.Flags().Duration("grace", app.DefaultGrace, "leave alone what is younger: it may belong to an upload under way; must be longer than any upload takes")
	metricsFile := cmd.Flags().String("metrics-file", "", "write what was found for Prometheus too, to this file of node_exporter's textfile collector (its name ends in .prom)")
	config.AddFlags(cmd.Flags(), config.Sweep)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if *grace < app.MinGrace {
			return &usageError{cmd.CommandPath(), fmt.Errorf("--grace %s: must be at least %s, or uploads under way would lose their bytes", *grace, app.MinGrace)}
		}
		cfg, err := p.load(cmd, config.Sweep)
		if err != nil {
			return err
		}
		log := logger(cmd, cfg)
		parts, err := shell.OpenStores(cmd.Context(), cfg, log, shell.Hooks{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, parts.Close()) }()
		return sweep(cmd, app.SweepOptions{Grace: *grace, Delete: *remove, Force: *force}, *asJSON, *metricsFile, app.SweeperDeps{Storage: parts.Storage, Repo: parts.Repo, Now: parts.Now, Log: log})
	}
	return cmd
}

func sweep(cmd *cobra.Command, options app.SweepOptions, asJSON bool, metricsFile string, deps app.SweeperDeps) error {
	out := cmd.OutOrStdout()
	summary := sweepSummary{Findings: []sweepLine{}, Deleted: options.Delete}
	options.Found = func(f app.Finding) {
		line := sweepLine{Kind: f.Kind, Object: f.Object, Size: f.Size, Removed: f.Removed}
		if f.Kind != app.OrphanObject && f.Kind != app.ForeignObject {
			line.Document = f.Document.String()
		}
		if asJSON {
			summary.Findings = append(summary.Findings, line)
			return
		}
		_, _ = fmt.Fprintln(out, describe(line)) // the summary's error tells of a closed output
	}
	report, err := app.NewSweeper(deps).Sweep(cmd.Context(), options)
	if domain.ErrorReason(err) == "mass_removal" {
		return fmt.Errorf("%w --force removes them all the same", err)
	}
	if err == nil && metricsFile != "" {
		err = metrics.WriteSweep(metricsFile, metrics.Sweep{
			Objects: report.Objects, Orphans: report.Orphans, OrphanBytes: report.Bytes, Removed: report.Removed, StaleUploads: report.Uploads,
			Documents: report.Documents, Missing: report.Missing, Damaged: report.Damaged, At: deps.Now(),
		})
	}
	if err != nil {
		return err
	}
	if asJSON {
		summary.Objects, summary.Young, summary.Orphans, summary.Foreign = report.Objects, report.Young, report.Orphans, report.Foreign
		summary.Removed, summary.Bytes, summary.Documents = report.Removed, report.Bytes, report.Documents
		summary.Missing, summary.Damaged, summary.Elsewhere, summary.Uploads = report.Missing, report.Damaged, report.Elsewhere, report.Uploads
		summary.MissingThumbnails, summary.Models = report.MissingThumbnails, report.Models
		return printJSON(out, summary)
	}
	_, err = fmt.Fprintf(out, "%d objects: %d that no document names (%d bytes), %d removed, %d too young to tell, %d not ours, %d models in use; %d unfinished uploads\n%d documents: %d without their object, %d without their thumbnail, %d with a damaged key, %d stored elsewhere\n",
		report.Objects, report.Orphans, report.Bytes, report.Removed, report.Young, report.Foreign, report.Models, report.Uploads, report.Documents, report.Missing, report.MissingThumbnails, report.Damaged, report.Elsewhere)
	if err == nil && !options.Delete && report.Orphans+report.Uploads > 0 {
		_, err = fmt.Fprintln(out, "nothing was removed; --delete removes")
	}
	return err
}

func describe(line sweepLine) string {
	switch {
	case line.Kind == app.MissingObject:
		return fmt.Sprintf("missing   document %s, object %s", line.Document, line.Object)
	case line.Kind == app.MissingThumbnail:
		return fmt.Sprintf("missing   thumbnail of document %s, object %s; process the document again to get another", line.Document, line.Object)
	case line.Kind == app.DamagedKey:
		return fmt.Sprintf("damaged   document %s: its row holds no key of ours; look for its bytes among what is not ours", line.Document)
	case line.Kind == app.ForeignObject:
		return fmt.Sprintf("not ours  %q (%d bytes)", line.Object, line.Size)
	case line.Removed:
		return fmt.Sprintf("removed   %s (%d bytes)", line.Object, line.Size)
	default:
		return fmt.Sprintf("orphan    %s (%d bytes)", line.Object, line.Size)
	}
}

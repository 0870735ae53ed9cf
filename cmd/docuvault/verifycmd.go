package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
)

// verifyLine is a difference as JSON.
type verifyLine struct {
	Kind     app.DiscrepancyKind `json:"kind"`
	Document string              `json:"document"`
	Object   string              `json:"object"`
	Expected string              `json:"expected"`
	Actual   string              `json:"actual"`
}

// verifySummary is the report as JSON.
type verifySummary struct {
	Differences []verifyLine `json:"differences"`
	Documents   int          `json:"documents"`
	Bytes       int64        `json:"bytes"`
	Verified    int          `json:"verified"`
	Unhashed    int          `json:"unhashed"`
	Different   int          `json:"different"`
	Elsewhere   int          `json:"elsewhere"`
}

// errDiffer ends the program with the exit code for differences, which are on standard output.
var errDiffer = errors.New("differences")

func (p *program) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Read every document's bytes and compare them with the database", Args: noArgs,
		Long: `Read every object that a document names, and compare its hash and its size with the
document's row. Of documents that Python stored there is no hash, and only the size
is compared. Nothing is changed.

Exit codes: 0 everything is as it should be, 1 it could not be found out, 2 wrong
flags, 3 differences were found.`,
		Example: "  docuvault verify\n  docuvault verify --parallel 16 --json",
	}
	asJSON := jsonFlag(cmd)
	parallel := cmd.Flags().Int("parallel", 4, "how many objects to read at once")
	config.AddFlags(cmd.Flags(), config.Sweep)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if *parallel < 1 || *parallel > 256 {
			return &usageError{cmd.CommandPath(), fmt.Errorf("--parallel %d: must be from 1 to 256", *parallel)}
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
		return p.verify(cmd, app.NewVerifier(app.VerifierDeps{Storage: parts.Storage, Repo: parts.Repo}), *parallel, *asJSON)
	}
	return cmd
}

func (p *program) verify(cmd *cobra.Command, verifier *app.Verifier, parallel int, asJSON bool) error {
	out, bar := cmd.OutOrStdout(), p.newBytesBar(cmd.ErrOrStderr(), "verifying")
	if bar.shown() { // only then it is worth going through all rows beforehand
		_, total, err := verifier.Total(cmd.Context())
		if err != nil {
			return err
		}
		bar.more(total)
	}
	summary := verifySummary{Differences: []verifyLine{}}
	report, err := verifier.Verify(cmd.Context(), app.VerifyOptions{Parallel: parallel, Read: bar.add, Found: tellEach(out, bar, asJSON, &summary.Differences)})
	bar.finish()
	if err != nil {
		return err
	}
	if asJSON {
		summary.Documents, summary.Bytes, summary.Verified = report.Documents, report.Bytes, report.Verified
		summary.Unhashed, summary.Different, summary.Elsewhere = report.Unhashed, report.Different, report.Elsewhere
		err = printJSON(out, summary)
	} else {
		_, err = fmt.Fprintf(out, "%d documents, %s read: %d verified, %d without a hash but of the right size, %d different, %d stored elsewhere\n",
			report.Documents, bytesText(report.Bytes), report.Verified, report.Unhashed, report.Different, report.Elsewhere)
	}
	if err == nil && report.Different > 0 {
		err = errDiffer
	}
	return err
}

// tellEach returns what becomes of each difference: a line at once, or with asJSON a part of the summary.
func tellEach(out io.Writer, bar *bytesBar, asJSON bool, all *[]verifyLine) func(app.Discrepancy) {
	return func(d app.Discrepancy) {
		line := verifyLine{Kind: d.Kind, Document: d.Document.String(), Object: d.Object, Expected: d.Expected, Actual: d.Actual}
		if asJSON {
			*all = append(*all, line)
			return
		}
		bar.aside(func() { _, _ = fmt.Fprintln(out, line) }) // the summary's error tells of a closed output
	}
}

// String is the line as people read it.
func (l verifyLine) String() string {
	text := fmt.Sprintf("%-12s  document %s", l.Kind, l.Document)
	if l.Object != "" {
		text += ", object " + l.Object
	}
	if l.Expected != "" && l.Actual != "" {
		text += fmt.Sprintf(": %s in place of %s", l.Actual, l.Expected)
	}
	return text
}

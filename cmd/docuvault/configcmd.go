package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Show the settings in force, and where each came from", Args: noArgs,
		Long: `Show every setting as it is in force, and whether the default, .env, the
environment or a flag decided it. Secrets that are set show as ***.

Values that cannot be used are listed, and so is, with --for, what one command
would miss; both exit with 2.`,
		Example: "  docuvault config\n  docuvault config --for api\n  docuvault config --env-file /etc/docuvault/env --json",
	}
	asJSON := jsonFlag(cmd)
	target := cmd.Flags().String("for", "", "check what this command needs: api, worker, sweep, queue, schema or init-roles")
	config.AddFlags(cmd.Flags(), config.Everything)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		in := p.input(cmd, config.Everything)
		need, ok := map[string]config.Use{"": 0, "api": config.API, "worker": config.Worker, "sweep": config.Sweep, "queue": config.Queue, "up": config.Up,
			"schema": config.Schema, "init-roles": config.InitRoles}[*target]
		if !ok {
			return &usageError{cmd.CommandPath(), fmt.Errorf("--for %s: there is no such command", *target)}
		}
		if in.Need = need; need != 0 {
			in.Use = need
		}
		cfg, err := config.Load(in)
		var problems config.Problems
		if err != nil && !errors.As(err, &problems) {
			return err
		}
		if printErr := printConfig(cmd, cfg, *asJSON); printErr != nil {
			return printErr
		}
		return err
	}
	return cmd
}

func printConfig(cmd *cobra.Command, cfg *config.Config, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), cfg.Values())
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, v := range cfg.Values() {
		shown := v.Value
		if shown == "" {
			shown = "(not set)"
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", v.Name, v.Source, shown); err != nil {
			return err
		}
	}
	return table.Flush()
}

package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

// program is what every command shares: the environment it was started in, and the flag all of them have.
type program struct {
	env     []string
	envFile string
}

func newRoot(env []string) *cobra.Command {
	p := &program{env: env}
	root := &cobra.Command{
		Use:   "docuvault",
		Short: "A self-hosted document vault",
		Long: `DocuVault keeps documents: people upload them, a background task reads the text
and files each one under its owner's topics, and a REST API hands them out.

Try it with nothing but a PostgreSQL binary on the machine:

    docuvault up

Run it for real, on a PostgreSQL, an S3 server and a Redis of your own:

    docuvault schema init-roles     once, as superuser
    docuvault schema apply          after every update
    docuvault api                   any number of them
    docuvault worker                any number of them

Settings come from .env, the environment and flags, each over the one before;
` + "`docuvault config`" + ` shows what is in force.

Exit codes: 0 done, 1 error, 2 wrong flags or configuration, 3 differences found
or a destructive change refused.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{cmd.CommandPath(), fmt.Errorf("there is no command %q", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{cmd.CommandPath(), err} })
	root.PersistentFlags().StringVar(&p.envFile, "env-file", "", "file of NAME=value lines to read in place of .env, which may be absent")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(p.upCommand(), p.apiCommand(), p.workerCommand(), p.schemaCommand(), p.importCommand(), p.sweepCommand(), p.verifyCommand(), p.exportCommand(), p.restoreCommand(), p.queueCommand(), p.healthCommand(),
		p.configCommand(), p.versionCommand())
	return root
}

// noArgs refuses arguments, as a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{cmd.CommandPath(), fmt.Errorf("%s takes no argument, and was given %q", cmd.CommandPath(), args[0])}
	}
	return nil
}

// group is a command that only holds others.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return &usageError{cmd.CommandPath(), fmt.Errorf("there is no command %q", cmd.CommandPath()+" "+args[0])}
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
	return cmd
}

// load reads the settings of a command, which has their flags.
func (p *program) load(cmd *cobra.Command, use config.Use) (*config.Config, error) {
	return config.Load(p.input(cmd, use))
}

func (p *program) input(cmd *cobra.Command, use config.Use) config.Input {
	in := config.Input{Use: use, Need: use, Flags: cmd.Flags(), Env: p.env, EnvFile: ".env"}
	if p.envFile != "" {
		in.EnvFile, in.EnvFileRequired = p.envFile, true
	}
	return in
}

// logger logs to standard error as the configuration says.
func logger(cmd *cobra.Command, cfg *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	var handler slog.Handler = slog.NewTextHandler(cmd.ErrOrStderr(), options)
	if cfg.LogFormat == "json" {
		handler = slog.NewJSONHandler(cmd.ErrOrStderr(), options)
	}
	log := slog.New(handler)
	for _, note := range cfg.Notes() {
		log.WarnContext(cmd.Context(), "configuration", "note", note)
	}
	return log
}

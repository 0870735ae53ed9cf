package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

func (p *program) schemaCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "schema", Short: "Plan, apply and check the database's tables, and make its roles",
		Long: `Bring a database to what this program needs, as role docuvault_migrate
(DATABASE_MIGRATE_URL). Any number of replicas may run apply at once: one does
the work, the others find nothing to do.`,
		Example: "  docuvault schema init-roles\n  docuvault schema plan\n  docuvault schema apply\n  docuvault schema drift",
	}, p.planCommand(), p.applyCommand(), p.driftCommand(), p.initRolesCommand())
}

func (p *program) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "plan", Short: "Show what apply would do, and change nothing", Args: noArgs,
		Long:    "Show the statements apply would run. Exit code 0: nothing to do; 3: there is something to do.",
		Example: "  docuvault schema plan\n  docuvault schema plan --json",
	}
	asJSON := jsonFlag(cmd)
	p.schemaRun(cmd, func(ctx context.Context, s *schema.Schema, db *sql.DB) error {
		plan, err := s.Plan(ctx, db)
		if err != nil {
			return err
		}
		if err := p.show(cmd, *asJSON, plan); err != nil {
			return err
		}
		return plan.Err()
	})
	return cmd
}

func (p *program) applyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "apply", Short: "Bring the database up to date, in one transaction", Args: noArgs,
		Long: `Bring tables, constraints, indexes and grants to what this program needs, in one
transaction. Changes that would lose data are refused, named, and nothing is
applied (exit code 3), unless --allow-destructive says that they are meant.`,
		Example: "  docuvault schema apply\n  docuvault schema apply --allow-destructive",
	}
	asJSON := jsonFlag(cmd)
	destructive := cmd.Flags().Bool("allow-destructive", false, "also make changes that lose data")
	p.schemaRun(cmd, func(ctx context.Context, s *schema.Schema, db *sql.DB) error {
		applied, err := s.Apply(ctx, db, schema.ApplyOptions{AllowDestructive: *destructive})
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), applied)
		}
		out := cmd.OutOrStdout()
		if applied.Empty() {
			_, err = fmt.Fprintln(out, "the database is up to date")
		} else {
			_, err = fmt.Fprintf(out, "%sapplied\n", applied.String())
		}
		for _, line := range applied.Remaining {
			if err == nil {
				_, err = fmt.Fprintf(out, "differs still: %s\n", line)
			}
		}
		return err
	})
	return cmd
}

func (p *program) driftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drift", Short: "Say how the database differs from what apply leaves behind", Args: noArgs,
		Long:    "Compare tables, grants and everything beside them. Exit code 0: no difference; 3: there are some.",
		Example: "  docuvault schema drift\n  docuvault schema drift --json",
	}
	asJSON := jsonFlag(cmd)
	p.schemaRun(cmd, func(ctx context.Context, s *schema.Schema, db *sql.DB) error {
		drift, err := s.Drift(ctx, db)
		if err != nil {
			return err
		}
		if err := p.show(cmd, *asJSON, drift); err != nil {
			return err
		}
		return drift.Err()
	})
	return cmd
}

func (p *program) initRolesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "init-roles", Short: "Make the roles docuvault_app and docuvault_migrate, as superuser", Args: noArgs,
		Long: `Make the two roles, or set their passwords anew, and hand the database to
docuvault_migrate. It reads DATABASE_SUPERUSER_URL, DOCUVAULT_APP_PASSWORD and
DOCUVAULT_MIGRATE_PASSWORD.

With --print it connects to nothing and prints the same set-up as a script for
psql, which takes the passwords from its environment and holds none itself.`,
		Example: "  docuvault schema init-roles\n  docuvault schema init-roles --print | psql postgres://postgres@localhost/docuvault",
	}
	print := cmd.Flags().Bool("print", false, "print the set-up for psql in place of running it")
	config.AddFlags(cmd.Flags(), config.InitRoles)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if *print {
			_, err := fmt.Fprint(cmd.OutOrStdout(), schema.RolesSQL())
			return err
		}
		cfg, err := p.load(cmd, config.InitRoles)
		if err != nil {
			return err
		}
		db, err := schema.Open(cfg.SuperuserURL)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		if err := schema.InitRoles(cmd.Context(), db, schema.Passwords{App: cfg.AppPassword, Migrate: cfg.MigratePassword}); err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "the roles docuvault_app and docuvault_migrate are set up; next: docuvault schema apply")
		return err
	}
	return cmd
}

// schemaRun gives cmd the flags of the schema commands, and do what it needs.
func (p *program) schemaRun(cmd *cobra.Command, do func(context.Context, *schema.Schema, *sql.DB) error) {
	config.AddFlags(cmd.Flags(), config.Schema)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		cfg, err := p.load(cmd, config.Schema)
		if err != nil {
			return err
		}
		wanted, err := schema.New(docuvault.SchemaHCL, schema.Config{}, logger(cmd, cfg))
		if err != nil {
			return err
		}
		db, err := schema.Open(cfg.MigrateURL)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		return do(cmd.Context(), wanted, db)
	}
}

func (p *program) show(cmd *cobra.Command, asJSON bool, value fmt.Stringer) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), value)
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), value)
	return err
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/schema"
)

// prepareDatabase makes the database and its roles where they are not there yet, brings the tables up to date as the role that
// owns them, and returns the address for the role that only sees rows.
func prepareDatabase(ctx context.Context, super string, secrets secrets, log *slog.Logger) (appURL string, err error) {
	const name = "docuvault"
	if err := ensureDatabase(ctx, super, name); err != nil {
		return "", err
	}
	superURL, err := as(super, nil, name)
	if err != nil {
		return "", err
	}
	if err := initRoles(ctx, superURL, schema.Passwords{App: secrets.AppPassword, Migrate: secrets.MigratePassword}); err != nil {
		return "", err
	}
	migrateURL, err := as(super, url.UserPassword("docuvault_migrate", secrets.MigratePassword), name)
	if err != nil {
		return "", err
	}
	if err := applySchema(ctx, migrateURL, log); err != nil {
		return "", err
	}
	return as(super, url.UserPassword("docuvault_app", secrets.AppPassword), name)
}

func ensureDatabase(ctx context.Context, super, name string) (err error) {
	db, err := schema.Open(super)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if there {
		return nil
	}
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return nil
}

func initRoles(ctx context.Context, super string, passwords schema.Passwords) (err error) {
	db, err := schema.Open(super)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return schema.InitRoles(ctx, db, passwords)
}

// applySchema never loses data: a data folder that a newer program has worked on is refused.
func applySchema(ctx context.Context, migrate string, log *slog.Logger) (err error) {
	wanted, err := schema.New(docuvault.SchemaHCL, schema.Config{}, log)
	if err != nil {
		return err
	}
	db, err := schema.Open(migrate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = wanted.Apply(ctx, db, schema.ApplyOptions{})
	return err
}

// as is the same server's address for another user, or the same one, and another database. Its errors hold no address.
func as(dsn string, user *url.Userinfo, database string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errors.New("the embedded server's address cannot be read")
	}
	if user != nil {
		u.User = user
	}
	u.Path = "/" + database
	return u.String(), nil
}

package schema

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuvault/docuvault/domain"
)

//go:embed roles.sql
var rolesSQL string

// RolesSQL returns the role set-up as a psql script (psql 14 or newer). It takes the passwords from the environment, as
// DOCUVAULT_APP_PASSWORD and DOCUVAULT_MIGRATE_PASSWORD, and holds no secret itself. InitRoles runs the same text.
func RolesSQL() string { return rolesSQL }

// Passwords are the two roles' passwords. Any text without a NUL will do, whatever it is quoted by.
type Passwords struct{ App, Migrate string }

// InitRoles creates the roles, or sets their passwords anew, and gives the database db is connected to into the hands of
// the migrate role. It needs a superuser. Running it again changes nothing but the passwords. No error repeats a password.
func InitRoles(ctx context.Context, db *sql.DB, passwords Passwords) error {
	script, err := passwords.fill(rolesSQL)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return domain.Wrap(domain.Unavailable, err, "the database is out of reach")
	}
	defer func() { _ = conn.Close() }()
	// Without arguments pgx sends the whole text at once: the script's own settings against logging would come too late.
	const quiet = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic'"
	const loud = "ROLLBACK; RESET log_statement; RESET log_min_duration_statement; RESET log_min_error_statement"
	_, err = conn.ExecContext(ctx, quiet)
	if err == nil {
		_, err = conn.ExecContext(ctx, script)
	}
	// After an error the script's transaction is open still.
	if _, e := conn.ExecContext(context.WithoutCancel(ctx), loud); e != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // throw the connection away
	}
	if err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) {
			// Only these: the error's other fields may quote the statement.
			return fmt.Errorf("init-roles: %s (SQLSTATE %s)", pg.Message, pg.Code)
		}
		return fmt.Errorf("init-roles: %w", err)
	}
	return nil
}

// fill writes the passwords into the script, in place of psql's variables, and leaves psql's own commands out.
func (p Passwords) fill(script string) (string, error) {
	var problems []string
	values := make([]string, 0, 4)
	for _, v := range []struct{ variable, name, password string }{
		{":'app_password'", "DOCUVAULT_APP_PASSWORD", p.App},
		{":'migrate_password'", "DOCUVAULT_MIGRATE_PASSWORD", p.Migrate},
	} {
		switch {
		case v.password == "":
			problems = append(problems, v.name+" is not set")
		case strings.Contains(v.password, "\x00"):
			problems = append(problems, v.name+" holds a NUL character, which PostgreSQL cannot store")
		}
		secret, err := storedForm(v.password)
		if err != nil {
			return "", err
		}
		values = append(values, v.variable, literal(secret))
	}
	if len(problems) > 0 {
		return "", domain.Errorf(domain.Invalid, "%s", strings.Join(problems, "; "))
	}
	var b strings.Builder
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, `\`) {
			b.WriteString(line)
		}
	}
	return strings.NewReplacer(values...).Replace(b.String()), nil
}

// storedForm is what PostgreSQL would store for a password, so that the server, its log included, never sees the password:
// a SCRAM-SHA-256 verifier (RFC 5803). It does so for ASCII alone, for which the RFC's preparation (SASLprep) changes
// nothing; another password goes as it is, to be prepared by the server.
func storedForm(password string) (string, error) {
	for i := range len(password) {
		if c := password[i]; c < 0x20 || c > 0x7e {
			return password, nil
		}
	}
	const iterations = 4096 // PostgreSQL's default
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails, says its documentation
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive the stored form of a password: %w", err)
	}
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Package pgdsn reads PostgreSQL addresses the way the Python side writes them, so that one DATABASE_URL serves both.
package pgdsn

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// ErrMalformed is returned for an address that is no PostgreSQL URL. It never repeats the address: that holds a password.
var ErrMalformed = errors.New("not a PostgreSQL address: want postgres://user:password@host:port/database")

// address is SQLAlchemy's own grammar (sqlalchemy.engine.url): a password may hold any character but '@', escaped or not.
var address = regexp.MustCompile(`(?s)^(postgres(?:ql)?)(?:\+\w+)?://([^:/@]*(?::[^@]*)?@)?([^?]*)(?:\?(.*))?$`)

// keywordValue is libpq's other form: "host=… dbname=…".
var keywordValue = regexp.MustCompile(`^\s*\w+\s*=`)

// Normalize turns an address written for SQLAlchemy, libpq or Go into one that pgx reads. The driver suffix goes
// (postgresql+psycopg://, postgresql+psycopg2://, …), user and password are escaped if they were not, and settings
// that only libpq or SQLAlchemy's drivers know are dropped, since the server would refuse them. libpq's
// "host=… dbname=…" form is returned as it is. The only error is ErrMalformed.
func Normalize(dsn string) (string, error) {
	dsn = strings.TrimSpace(dsn)
	if keywordValue.MatchString(dsn) {
		return dsn, nil
	}
	m := address.FindStringSubmatch(dsn)
	if m == nil {
		return "", ErrMalformed
	}
	login, rest, query := m[2], m[3], m[4]
	var b strings.Builder
	b.WriteString("postgres://")
	if login, ok := strings.CutSuffix(login, "@"); ok {
		who := url.User(unescape(login))
		if user, password, ok := strings.Cut(login, ":"); ok {
			who = url.UserPassword(unescape(user), unescape(password))
		}
		b.WriteString(who.String() + "@")
	}
	b.WriteString(rest)
	if kept := keptQuery(query); kept != "" {
		b.WriteByte('?')
		b.WriteString(kept)
	}
	if _, err := url.Parse(b.String()); err != nil {
		return "", ErrMalformed // the parser's error would print the password
	}
	return b.String(), nil
}

// foreign settings steer libpq or a Python driver. pgx would send them to the server, which refuses what it does not know.
var foreign = []string{"gssencmode", "gsslib", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
	"tcp_user_timeout", "prepare_threshold", "prepared_statement_cache_size", "async_fallback", "client_encoding"}

func keptQuery(query string) string {
	if query == "" {
		return ""
	}
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && !slices.Contains(foreign, name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// unescape reads percent escapes as Python's unquote does: what is no escape stands for itself.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/internal/testenv"
)

// A role that is docuvault_app in name but was given more than rows is refused too, with what it has too much.
func TestServicesRefuseAMightyRole(t *testing.T) {
	t.Parallel()
	env := services(t).env
	for says, grant := range map[string]string{
		"owns tables":              "ALTER TABLE groups OWNER TO docuvault_app",
		"may make tables":          "GRANT CREATE ON SCHEMA public TO docuvault_app",
		"may change the audit log": "GRANT UPDATE (event_type) ON audit_log TO docuvault_app",
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			db := testenv.Schema(t)
			execute(t, db.SuperDSN, grant)
			code, stdout, stderr := once(t, append(slices.Clone(env), "DATABASE_URL="+db.AppDSN), "sweep")
			if code != 1 || !strings.Contains(stderr, "enters as docuvault_app, a role that "+says+";") {
				t.Errorf("code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

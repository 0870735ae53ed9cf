package shell

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// refuseMightyRole keeps a program that only needs rows from holding the keys to more (D-13, D-14): a role that is a superuser,
// owns the tables or may act as who does, may make new ones, or may change what was audited. All of it is asked of the catalog in
// one statement, which any role may.
func refuseMightyRole(ctx context.Context, db *sql.DB) error {
	var role string
	var super, owner, create, audit bool
	err := db.QueryRowContext(ctx, `
SELECT current_user, r.rolsuper,
       EXISTS (SELECT FROM pg_catalog.pg_class c
               WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE')),
       coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false),
       coalesce(has_table_privilege(to_regclass('public.audit_log'), 'UPDATE, DELETE, TRUNCATE')
                OR has_any_column_privilege(to_regclass('public.audit_log'), 'UPDATE'), false)
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`).Scan(&role, &super, &owner, &create, &audit)
	if err != nil {
		return fmt.Errorf("ask PostgreSQL who we are: %w", err)
	}
	var may []string
	for _, power := range []struct {
		has  bool
		name string
	}{{super, "is a superuser"}, {owner, "owns tables"}, {create, "may make tables"}, {audit, "may change the audit log"}} {
		if power.has {
			may = append(may, power.name)
		}
	}
	if len(may) == 0 {
		return nil
	}
	return fmt.Errorf("DATABASE_URL enters as %s, a role that %s; make the roles with `docuvault schema init-roles`, "+
		"their grants with `docuvault schema apply`, and enter as docuvault_app", role, strings.Join(may, ", "))
}

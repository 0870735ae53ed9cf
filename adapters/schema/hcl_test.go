package schema_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestUnknownHCLIsRefusedByLine(t *testing.T) {
	t.Parallel()
	const head = "schema \"public\" {}\ntable \"t\" {\n  schema = schema.public\n  column \"id\" {\n    null = false\n    type = integer\n  }\n"
	inTable := func(text string) string { return head + text + "\n}\n" } // text starts on line 8
	for _, c := range []struct {
		name, hcl string
		line      int
		says      string
	}{
		{"view", inTable("") + "view \"v\" {\n  schema = schema.public\n}", 10, `unknown block "view"`},
		{"function", inTable("") + "function \"f\" {}", 10, `unknown block "function"`},
		{"trigger", inTable("") + "trigger \"f\" {}", 10, `unknown block "trigger"`},
		{"role", inTable("") + "role \"f\" {}", 10, `unknown block "role"`},
		{"extension", inTable("") + "extension \"f\" {}", 10, `unknown block "extension"`},
		{"enum", inTable("") + "enum \"f\" {}", 10, `unknown block "enum"`},
		{"locals", inTable("") + "locals {}", 10, `unknown block "locals"`},
		{"attribute of the file", inTable("") + "x = 1", 10, `unknown attribute "x"`},
		{"row security", inTable("  row_security {\n enabled = true\n}"), 8, `unknown block "row_security" in table "t"`},
		{"partition", inTable("  partition {\n type = RANGE\n}"), 8, `unknown block "partition"`},
		{"exclude", inTable("  exclude \"x\" {\n}"), 8, `unknown block "exclude"`},
		{"mistyped block", inTable("  colunm \"x\" {\n}"), 8, `unknown block "colunm"`},
		{"mistyped attribute", inTable("  column \"x\" {\n    nul = true\n    null = true\n    type = text\n  }"), 9, `unknown attribute "nul" in column "x" of table "t"`},
		{"default mistyped", inTable("  column \"x\" {\n    null = true\n    type = text\n    defaut = 1\n  }"), 11, `unknown attribute "defaut"`},
		{"unsigned", inTable("  column \"x\" {\n    null = true\n    type = text\n    unsigned = true\n  }"), 11, `unknown attribute "unsigned"`},
		{"null forgotten", inTable("  column \"x\" {\n    type = text\n  }"), 8, `attribute "null" is missing`},
		{"type forgotten", inTable("  column \"x\" {\n    null = true\n  }"), 8, `attribute "type" is missing`},
		{"column twice", inTable("  column \"id\" {\n    null = true\n    type = text\n  }"), 8, `column "id" is declared twice`},
		{"table twice", inTable("") + "table \"t\" {\n  schema = schema.public\n}", 10, `table "t" is declared twice`},
		{"storage parameters", inTable("  index \"i\" {\n    columns = [column.id]\n    storage_params {\n    }\n  }"), 10, `unknown block "storage_params"`},
		{"index without columns", inTable("  index \"i\" {\n  }"), 8, `needs columns`},
		{"deferrable", inTable("  unique \"u\" {\n    columns = [column.id]\n    deferrable = true\n  }"), 10, `unknown attribute "deferrable"`},
		{"on_delete forgotten", inTable("  foreign_key \"f\" {\n    columns = [column.id]\n    ref_columns = [column.id]\n  }"), 8, `attribute "on_delete" is missing`},
		{"no name", inTable("  index {\n    columns = [column.id]\n  }"), 8, `takes 1 name(s)`},
		{"another schema", "schema \"other\" {}\n" + head + "}", 1, `schema "other"`},
		{"in another schema", strings.Replace(inTable(""), "schema.public", "schema.other", 1), 3, "schema has to be schema.public"},
		{"syntax", inTable("  column \"x\" {"), 2, "Unclosed configuration block"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := schema.New([]byte(c.hcl), schema.Config{}, discard)
			if err == nil {
				t.Fatal("accepted")
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if strings.HasPrefix(line, fmt.Sprintf("schema.hcl:%d: ", c.line)) && strings.Contains(line, c.says) {
					return
				}
			}
			t.Errorf("want line %d, %q; got: %v", c.line, c.says, err)
		})
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		_, err := schema.New([]byte(inTable("  a = 1\n  b = 2")+"view \"v\" {}"), schema.Config{}, discard)
		if err == nil || strings.Count(err.Error(), "schema.hcl:") != 3 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no schema block", func(t *testing.T) {
		t.Parallel()
		if _, err := schema.New([]byte("table \"t\" {\n  schema = schema.public\n}"), schema.Config{}, discard); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("mistyped value", func(t *testing.T) {
		t.Parallel()
		for text, line := range map[string]int{
			"column \"x\" {\n null = true\n type = txt\n}":                                                      10,
			"foreign_key \"f\" {\n columns = [column.id]\n ref_columns = [column.id]\n on_delete = CASCADEE\n}": 11,
			"index \"i\" {\n columns = [column.no]\n}":                                                          9,
			"index \"i\" {\n type = GINN\n columns = [column.id]\n}":                                            9,
			"index \"i\" {\n on {\n column = column.id\n ops = no_ops\n }\n}":                                   11,
		} {
			if _, err := schema.New([]byte(inTable(text)), schema.Config{}, discard); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("schema.hcl:%d: ", line)) {
				t.Errorf("%s: want line %d; got: %v", text, line, err)
			}
		}
	})
}

// What the grammar allows is carried out: each attribute, written in a spelling PostgreSQL changes, is there after apply and
// compares equal ever after.
func TestAllowedHCLIsCarriedOut(t *testing.T) {
	t.Parallel()
	const hcl = `
schema "public" { comment = "standard public schema" }
table "a" {
  schema  = schema.public
  comment = "the table's comment"
  column "id" {
    null = false
    type = bigint
    identity {
      generated = ALWAYS
      start     = 10
      increment = 5
    }
  }
  column "name" {
    null    = false
    type    = varchar(20)
    default = "it's \\ odd"
    comment = "the column's"
  }
  column "n" {
    null    = false
    type    = integer
    default = 7
  }
  column "list" {
    null    = false
    type    = sql("text[]")
    default = sql("ARRAY[]::text[]")
  }
  column "vector" {
    null = true
    type = tsvector
    as {
      expr = "to_tsvector('simple', left(name, 10))"
      type = STORED
    }
  }
  primary_key { columns = [column.id] }
  unique "a_name_n_key" {
    columns        = [column.name, column.n]
    nulls_distinct = false
    include        = [column.id]
    comment        = "the rule's"
  }
  index "a_lower" {
    unique = true
    where  = "n>0 and name in ('x','y')"
    on {
      expr = "lower( name )"
    }
    on {
      column      = column.n
      desc        = true
      nulls_last  = true
    }
  }
  index "a_first" {
    on {
      column      = column.n
      nulls_first = true
    }
  }
  index "a_pattern" {
    on {
      column = column.name
      ops    = varchar_pattern_ops
    }
  }
  index "a_whole" {
    unique         = true
    columns        = [column.n]
    nulls_distinct = false
    include        = [column.name]
  }
  index "a_vector" {
    type    = GIN
    columns = [column.vector]
    comment = "the index's"
  }
  check "a_n_check" { expr = "n>=0 and n<100" }
}
table "b" {
  schema = schema.public
  column "a_id" {
    null = true
    type = bigint
  }
  foreign_key "b_a_id_fkey" {
    columns     = [column.a_id]
    ref_columns = [table.a.column.id]
    on_update   = CASCADE
    on_delete   = RESTRICT
  }
}`
	for _, name := range schema.AttributesAllowed() {
		if !regexp.MustCompile(`\b` + name + `\s*=`).MatchString(hcl) {
			t.Errorf("%s is allowed, and nothing shows that it is carried out", name)
		}
	}
	db := open(t, testenv.Postgres(t).MigrateDSN)
	s := read(t, hcl)
	if first := apply(t, s, db); len(first.Remaining) > 0 {
		t.Errorf("remaining: %q", first.Remaining)
	}
	if again := apply(t, s, db); !again.Empty() {
		t.Errorf("again: %s", again.String())
	}
	var got []string
	for _, q := range []string{
		"SELECT string_agg(pg_get_constraintdef(oid), '; ' ORDER BY conname) FROM pg_constraint WHERE conrelid IN ('a'::regclass, 'b'::regclass)",
		"SELECT string_agg(indexdef, '; ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'",
		"SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), pg_get_expr(adbin, adrelid), attidentity, col_description(attrelid, attnum)), '; ' ORDER BY attnum) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = 'a'::regclass AND attnum > 0",
		"SELECT concat_ws('; ', obj_description('a'::regclass), obj_description('a_vector'::regclass), (SELECT start_value || '+' || increment_by FROM pg_sequences WHERE schemaname = 'public'))",
	} {
		got = append(got, one(t, db, q))
	}
	golden(t, "carried_out.txt", strings.ReplaceAll(strings.Join(got, "\n"), "; ", "\n")+"\n")

	t.Run("an edit is seen", func(t *testing.T) {
		for _, e := range [][2]string{
			{"n>=0 and n<100", "n>=0 and n<200"}, {"name in ('x','y')", "name in ('x','z')"}, {"lower( name )", "upper(name)"},
			{"nulls_distinct = false", "nulls_distinct = true"}, {"on_delete   = RESTRICT", "on_delete   = CASCADE"}, {"default = 7", "default = 8"},
			{"the column's", "the pillar's"}, {"increment = 5", "increment = 6"}, {"include        = [column.id]", ""}, {"type    = GIN", "type    = GIST"},
			{"varchar_pattern_ops", "varchar_ops"}, {"include        = [column.name]", ""}, {"nulls_distinct = false\n    include        = [column.name]", "include        = [column.name]"},
		} {
			changed := read(t, strings.Replace(hcl, e[0], e[1], 1))
			plan, err := changed.Plan(t.Context(), db)
			if err != nil {
				t.Errorf("%s: %v", e[0], err)
				continue
			}
			if plan.Empty() {
				t.Errorf("%s → %s is not seen", e[0], e[1])
			}
			if first := apply(t, changed, db); len(first.Remaining) > 0 {
				t.Errorf("%s: remaining %q", e[0], first.Remaining)
			}
			apply(t, s, db)
		}
	})
}

// golden compares with a file under testdata; -update is deliberately not offered: edit the file, so that you read it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// D-01 and D-02 name the tables, and later work adds none.
func TestTheTablesAreThoseOfTheDecision(t *testing.T) {
	t.Parallel()
	want := "audit_log cloud_connections document_topics documents folders groups quotas refresh_tokens shares topics users"
	db := open(t, testenv.Schema(t).MigrateDSN)
	if got := one(t, db, "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"); got != want {
		t.Errorf("tables: %s", got)
	}
	if n := len(regexp.MustCompile(`(?m)^table `).FindAll(docuvault.SchemaHCL, -1)); n != 11 {
		t.Errorf("%d tables in schema.hcl", n)
	}
}

// A row that Python or plain SQL writes is whole: what the Python models do not set has a default or may be null.
func TestEveryColumnFillsItself(t *testing.T) {
	t.Parallel()
	set := map[string]string{ // what the Python models always set, and what has no sensible default
		"users": "handle email password_hash", "quotas": "user_id", "refresh_tokens": "user_id token_hash expires_at",
		"folders": "name", "documents": "filename object_key content_type", "topics": "name", "document_topics": "document_id topic_id",
		"shares": "document_id owner_id recipient_id", "audit_log": "event_type", "cloud_connections": "user_id provider display_name credentials_enc",
		"groups": "name",
	}
	db := open(t, testenv.Schema(t).MigrateDSN)
	for table, columns := range set {
		got := one(t, db, `SELECT coalesce(string_agg(attname, ' ' ORDER BY attnum), '') FROM pg_attribute
			WHERE attrelid = '`+table+`'::regclass AND attnum > 0 AND attnotnull AND NOT atthasdef AND attidentity = ''`)
		if got != columns {
			t.Errorf("%s: a writer has to give %q, Python gives %q", table, got, columns)
		}
	}
}

// The index serves the reconciler's question, in the words it asks it.
func TestReconcileIndexServesItsQuery(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Schema(t).MigrateDSN)
	db.SetMaxOpenConns(1)
	exec(t, db, "SET enable_seqscan = off", "SET enable_bitmapscan = off")
	for _, where := range []string{"status IN ('pending', 'processing')", "status = ANY (ARRAY['pending', 'processing'])"} {
		rows, err := db.QueryContext(t.Context(), "EXPLAIN SELECT id FROM documents WHERE "+where+" AND reconcile_at < now() ORDER BY reconcile_at LIMIT 10")
		if err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan.WriteString(line + "\n")
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan.String(), "ix_documents_reconcile") || strings.Contains(plan.String(), "Sort") {
			t.Errorf("%s:\n%s", where, &plan)
		}
	}
}

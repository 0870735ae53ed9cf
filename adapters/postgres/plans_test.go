package postgres

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// TestPagesComeFromIndexes: no page of nobody's documents is sorted, whatever the order, in a status, in a folder or in none.
func TestPagesComeFromIndexes(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	store, super := open(t, Config{DSN: db.AppDSN}), open(t, Config{DSN: db.SuperDSN})
	folder := domain.Folder{ID: domain.FolderID{1}, Name: "folder"}
	if err := store.AddFolder(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	exec(t, super, `INSERT INTO documents (filename, object_key, content_type, size_bytes, status, folder_id, created_at)
		SELECT md5(i::text), i::text, 't', hashint4(i), CASE WHEN random() < 0.5 THEN 'ready' ELSE 'failed' END,
		       CASE WHEN random() < 0.5 THEN $1::uuid END, now() - random() * interval '1 year'
		FROM generate_series(1, 3000) i`, folder.ID.String())
	exec(t, super, "VACUUM ANALYZE documents")
	after := ports.PositionOf(newDoc("m"))
	for name, query := range map[string]ports.DocumentQuery{
		"all": {}, "later page": {After: &after}, "ready": {Status: domain.Ready}, "in a folder": {Folder: &folder.ID},
		"in no folder": {Folder: new(domain.FolderID)}, "later page in no folder": {Folder: new(domain.FolderID), After: &after},
	} {
		for _, sort := range ports.Sorts() {
			query.Sort, query.Limit = sort, 20
			statement := statementOf(t, store, domain.Nobody, query)
			var lines []string
			if err := store.on(t.Context()).Raw("EXPLAIN (COSTS OFF) " + statement).Scan(&lines).Error; err != nil {
				t.Fatal(err)
			}
			if plan := strings.Join(lines, "\n"); strings.Contains(plan, "Sort") || !strings.Contains(plan, "Index Scan") {
				t.Errorf("%s by %s:\n%s", name, sort, plan)
			}
		}
	}
}

// TestLongNamesAreFoundByTheirEnds: a name of Python's may be longer than what names are sorted by.
func TestLongNamesAreFoundByTheirEnds(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	store, super := open(t, Config{DSN: db.AppDSN}), open(t, Config{DSN: db.SuperDSN})
	exec(t, super, `INSERT INTO documents (filename, object_key, content_type)
		VALUES (repeat('x', 300) || 'Needle', '1', 't'), (repeat('x', 300), '2', 't'), ('short needle', '3', 't'), ('short', '4', 't')`)
	for _, sort := range ports.Sorts() {
		docs, err := store.ListDocuments(t.Context(), domain.Nobody, ports.DocumentQuery{Sort: sort, NameContains: "needle", Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(docs) != 2 {
			t.Errorf("by %s: %d documents, want the two with a needle", sort, len(docs))
		}
	}
}

// statementOf is the statement of a page, with its values.
func statementOf(t *testing.T, store *Store, owner domain.Owner, query ports.DocumentQuery) string {
	t.Helper()
	return store.db.ToSQL(func(db *gorm.DB) *gorm.DB {
		listing, err := session{db: db}.listing(t.Context(), owner, query)
		if err != nil {
			t.Fatal(err)
		}
		return listing.Find(&[]documentHead{})
	})
}

// TestPartsOfNamesComeFromTheIndex: a page by name of the documents with a part in their names looks into the index alone, and
// fetches the rows of those it returns.
func TestPartsOfNamesComeFromTheIndex(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	store, super := open(t, Config{DSN: db.AppDSN}), open(t, Config{DSN: db.SuperDSN})
	exec(t, super, `INSERT INTO documents (filename, object_key, content_type, sha256, status)
		SELECT CASE WHEN i % 3 = 0 THEN 'b letter ' ELSE 'a note ' END || md5(i::text), i::text, 't', sha256(i::text::bytea), CASE WHEN i % 5 = 0 THEN 'ready' ELSE 'failed' END
		FROM generate_series(1, 30000) i`)
	exec(t, super, "VACUUM ANALYZE documents")
	for _, status := range []domain.Status{"", domain.Ready} {
		statement := statementOf(t, store, domain.Nobody, ports.DocumentQuery{Sort: ports.ByName, Status: status, NameContains: "letter", Limit: 50})
		var lines []string
		if err := store.on(t.Context()).Raw("EXPLAIN (COSTS OFF) " + statement).Scan(&lines).Error; err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); strings.Contains(plan, "Sort") || !strings.Contains(plan, "Index Only Scan using ix_documents_user_") {
			t.Errorf("in status %q:\n%s", status, plan)
		}
	}
}

// TestWhichPlansAreKept: PostgreSQL keeps the plans of what every upload runs, and makes a new one for each page of the list.
func TestWhichPlansAreKept(t *testing.T) {
	t.Parallel()
	store := open(t, Config{DSN: testenv.Schema(t).AppDSN})
	doc := newDoc("a")
	if err := store.AddDocument(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	err := store.inTx(t.Context(), func(tx session) error { // for one connection
		for range 12 {
			if _, err := tx.ListDocuments(t.Context(), domain.Nobody, ports.DocumentQuery{Limit: 1, Status: domain.Ready}); err != nil {
				return err
			}
			_, err := tx.Advance(t.Context(), doc.ID, func(d *domain.Document) error { d.Requeues++; return nil })
			if err != nil {
				return err
			}
		}
		var kept []struct {
			Statement    string
			GenericPlans int
		}
		if err := tx.on(t.Context()).Raw("SELECT statement, generic_plans FROM pg_prepared_statements").Scan(&kept).Error; err != nil {
			return err
		}
		generic := 0
		for _, statement := range kept {
			if strings.Contains(statement.Statement, "ORDER BY") && strings.Contains(statement.Statement, "LIMIT") {
				t.Errorf("prepared: %s", statement.Statement)
			}
			if statement.Statement == swap && statement.GenericPlans > 0 {
				generic++
			}
		}
		if generic != 1 {
			t.Errorf("the plan of Advance is not kept: %+v", kept)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

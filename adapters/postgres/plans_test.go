package postgres

import (
	"context"
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
			order, err := orderOf(sort)
			if err != nil {
				t.Fatal(err)
			}
			statement := store.db.ToSQL(func(db *gorm.DB) *gorm.DB {
				return (session{db: db}).documents(context.Background()).Scopes(ownedBy(domain.Nobody), selected(query), order.page(query)).Find(&[]documentHead{})
			})
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

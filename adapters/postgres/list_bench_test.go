//go:build bench

package postgres

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/bench"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

const (
	benchPage  = 50
	benchDeep  = 10_000 // pages
	benchSmall = 1_000  // rows
	benchAllow = 2.0
	benchNames = 20.0 // where a page by name has to pass over a large part of all names: ADR 18
)

// TestBenchList measures a page of the list among a thousand documents, among a million, and ten thousand pages on: for each
// sort and filter. The last is measured twice: on the filter's own page 10,000, which is where a client comes to that follows the
// links, and from page 10,000 of the unfiltered list, where no document of the filter may be near. LIST_ROWS sets another number
// than a million, LIST_PLANS=1 shows the plans of what took too long, LIST_OWNERS="nobody person" measures a person's documents too.
func TestBenchList(t *testing.T) {
	many := 1_000_000
	if text := os.Getenv("LIST_ROWS"); text != "" {
		var err error
		if many, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range strings.Fields(cmp.Or(os.Getenv("LIST_OWNERS"), "nobody")) {
		few, lots := newShelf(t, who, benchSmall), newShelf(t, who, many)
		table, pages := listTable(t, few, lots)
		t.Logf("%s: lower quartile of %d pages of %d documents, in ms; ratios to a thousand documents\n%s", who, rounds, benchPage, table)
		for _, page := range pages {
			bench.Add(t, page)
		}
	}
}

// listTable measures every page, and returns all figures and, for `make bench`, the ratios of the worst page of each filter.
func listTable(t *testing.T, few, lots *shelf) (string, []bench.Row) {
	var out strings.Builder
	var rows []bench.Row
	fmt.Fprintf(&out, "%-12s %-34s %8s %8s %10s %9s %7s %7s %9s\n", "sort", "filter", "1k", fmt.Sprintf("%dk", lots.rows/1000), "page 10000", "from afar", "ratio", "deep", "from afar")
	for i, filter := range lots.filters() {
		row := bench.Row{What: "list, " + filter.name, Reach: benchAllow, Most: true}
		afar := bench.Row{What: "list, " + filter.name + ", from afar", Reach: filter.allow, Most: true}
		for _, sort := range ports.Sorts() {
			small, large := few.filters()[i].query, filter.query
			small.Sort, large.Sort, small.Limit, large.Limit = sort, sort, benchPage, benchPage
			own, whole := large, large
			own.After, whole.After = lots.position(t, large), lots.position(t, ports.DocumentQuery{Sort: sort})
			took := pageTimes(t, few, small, lots, large, own, whole)
			fmt.Fprintf(&out, "%-12s %-34s %8.2f %8.2f %10.2f %9.2f %7.2f %7.2f %9.2f", sort, filter.name,
				took[0], took[1], took[2], took[3], took[1]/took[0], took[2]/took[0], took[3]/took[0])
			over := worsens(&row, sort, took[0], max(took[1], took[2]))
			if worsens(&afar, sort, took[0], took[3]) || over {
				fmt.Fprint(&out, "  over")
				if os.Getenv("LIST_PLANS") != "" {
					fmt.Fprintf(&out, "\n%s\n%s\n%s", lots.plan(t, large), lots.plan(t, own), lots.plan(t, whole))
				}
			}
			out.WriteByte('\n')
		}
		rows = append(rows, row)
		if filter.allow != benchAllow {
			rows = append(rows, afar)
		} else if afar.Value > row.Value {
			rows[len(rows)-1] = afar
		}
	}
	return out.String(), rows
}

// worsens keeps the worst ratio of a row, and says whether this one is over what the row allows.
func worsens(row *bench.Row, sort ports.Sort, few, lots float64) bool {
	ratio := lots / few
	if ratio > row.Value {
		row.Value, row.Figures = ratio, fmt.Sprintf("worst by %s: %.1f to %.1f ms", sort, few, lots)
	}
	return ratio > row.Reach
}

// shelf is a database with so many documents of one owner, and a few of others'.
type shelf struct {
	store   *Store
	owner   domain.Owner
	rows    int
	topics  []domain.TopicID
	folders []domain.FolderID
}

// newShelf fills a database as people do. Of a hundred documents 93 are ready, 4 failed, 2 pending and 1 processing. Half are in
// no folder, the rest evenly in folders of 50 documents or more, up to 50 folders. Each is under 2 of 20 topics. A fifth are
// invoices and two fifths letters, with the word at the beginning of the name or after a date or a sender; some 30 have a word
// in their names that the others do not have.
func newShelf(t *testing.T, who string, rows int) *shelf {
	t.Helper()
	db := testenv.Schema(t)
	store := open(t, Config{DSN: db.AppDSN, StatementTimeout: time.Hour})
	s := &shelf{store: store, rows: rows}
	other := addUser(t, store)
	if who == "person" {
		s.owner = addUser(t, store)
	}
	for i := range 20 {
		topic := domain.Topic{ID: domain.TopicID(uuid.New()), Owner: s.owner, Name: domain.TopicName(fmt.Sprint("topic ", i)), Color: domain.DefaultColor}
		if err := store.AddTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		s.topics = append(s.topics, topic.ID)
	}
	for i := range max(1, min(rows/100, 50)) {
		folder := domain.Folder{ID: domain.FolderID(uuid.New()), Owner: s.owner, Name: domain.FolderName(fmt.Sprint("folder ", i))}
		if err := store.AddFolder(t.Context(), folder); err != nil {
			t.Fatal(err)
		}
		s.folders = append(s.folders, folder.ID)
	}
	began := time.Now()
	// As a replica does, which checks no foreign keys: there are three million of them.
	address, err := url.Parse(db.SuperDSN)
	if err != nil {
		t.Fatal(err)
	}
	parameters := address.Query()
	parameters.Set("session_replication_role", "replica")
	address.RawQuery = parameters.Encode()
	super := open(t, Config{DSN: address.String(), StatementTimeout: time.Hour})
	rebuild := dropIndexes(t, super)
	s.fill(t, super, s.owner, rows)
	s.fill(t, super, other, 1000)
	for _, statement := range append(rebuild, "VACUUM ANALYZE documents, document_topics, topics, folders") {
		exec(t, super, statement)
	}
	t.Logf("%d documents of %s are there after %.0f s", rows, who, time.Since(began).Seconds())
	return s
}

// dropIndexes drops what makes filling slow and returns the statements that make it again.
func dropIndexes(t *testing.T, super *Store) []string {
	t.Helper()
	var indexes []struct{ Name, Definition string }
	err := super.db.Raw(`SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition
		FROM pg_index WHERE indrelid IN ('documents'::regclass, 'document_topics'::regclass) AND NOT indisprimary`).Scan(&indexes).Error
	if err != nil {
		t.Fatal(err)
	}
	rebuild := []string{"SET maintenance_work_mem = '256MB'"}
	for _, index := range indexes {
		exec(t, super, "DROP INDEX "+index.Name)
		rebuild = append(rebuild, index.Definition)
	}
	return rebuild
}

func (s *shelf) fill(t *testing.T, super *Store, owner domain.Owner, rows int) {
	t.Helper()
	topics, folders := make([]uuid.UUID, len(s.topics)), make([]uuid.UUID, len(s.folders))
	for i, id := range s.topics {
		topics[i] = uuid.UUID(id)
	}
	for i, id := range s.folders {
		folders[i] = uuid.UUID(id)
	}
	for _, statement := range []string{`
		INSERT INTO documents (user_id, folder_id, filename, object_key, content_type, size_bytes, status, sha256, task_id, created_at, extracted_text)
		SELECT $1, CASE WHEN r < 0.5 THEN NULL ELSE ($2::uuid[])[1 + i % cardinality($2::uuid[])] END,
		       CASE WHEN place < 0.4 THEN concat_ws(' ', word, sender, i)
		            WHEN place < 0.7 THEN concat_ws(' ', (date '2010-01-01' + (random() * 5000)::int), word, sender)
		            ELSE concat_ws('_', sender, word, i) END || '.pdf',
		       gen_random_uuid()::text, 'application/pdf', (random() * 10000000)::bigint,
		       CASE WHEN (r * 10000)::int % 100 < 93 THEN 'ready' WHEN (r * 10000)::int % 100 < 97 THEN 'failed' WHEN (r * 10000)::int % 100 < 99 THEN 'pending' ELSE 'processing' END,
		       sha256(i::text::bytea), gen_random_uuid()::text, now() - i * interval '1 second', repeat(md5(i::text), 10)
		FROM (SELECT i, random() AS r, random() AS place,
		             ('{Acme,Baker,City Council,Dupont,Electricity,Fischer,Garage,Hospital,Insurance,Jones,Landlord,Müller,Phone,School,Tax Office,Water}'::text[])[1 + (random() * 15)::int] AS sender,
		             CASE WHEN i % greatest($3::int / 30, 1) = 7 THEN 'xylophone' WHEN i % 5 = 0 THEN 'Invoice' WHEN i % 5 < 3 THEN 'letter'
		                  ELSE ('{report,contract,receipt,minutes,offer}'::text[])[1 + (random() * 4)::int] END AS word
		      FROM generate_series(1, $3::int) i OFFSET 0) numbers`, `
		INSERT INTO document_topics (document_id, topic_id, confirmed)
		SELECT d.id, ($2::uuid[])[1 + (n + k * 7) % 20], false
		FROM (SELECT id, (random() * 1e6)::int AS n FROM documents WHERE user_id IS NOT DISTINCT FROM $1 OFFSET 0) d, generate_series(0, 1) k
		WHERE $3::int > 0`,
	} {
		list := folders
		if strings.Contains(statement, "document_topics") {
			list = topics
		}
		if _, err := super.DB().ExecContext(t.Context(), statement, nullable(uuid.UUID(owner)), list, rows); err != nil {
			t.Fatal(err)
		}
	}
}

type namedFilter struct {
	name  string
	allow float64
	query ports.DocumentQuery
}

func (s *shelf) filters() []namedFilter {
	return []namedFilter{
		{"none", benchAllow, ports.DocumentQuery{}},
		{"status ready (93 %)", benchAllow, ports.DocumentQuery{Status: domain.Ready}},
		{"status failed (4 %)", benchAllow, ports.DocumentQuery{Status: domain.Failed}},
		{"status processing (1 %)", benchAllow, ports.DocumentQuery{Status: domain.Processing}},
		{"topic (10 %)", benchAllow, ports.DocumentQuery{Topic: s.topics[3]}},
		{"a folder (50, 10,000 documents)", benchAllow, ports.DocumentQuery{Folder: &s.folders[3]}},
		{"no folder (50 %)", benchAllow, ports.DocumentQuery{Folder: new(domain.FolderID)}},
		{"q invoice (20 %)", benchAllow, ports.DocumentQuery{NameContains: "invoice"}},
		{"q xylophone (30 documents)", benchAllow, ports.DocumentQuery{NameContains: "xylophone"}},
		{"q e (80 %)", benchAllow, ports.DocumentQuery{NameContains: "e"}},
		{"q letter (40 %, together by name)", benchNames, ports.DocumentQuery{NameContains: "letter"}},
		{"ready, topic, q letter (4 %)", benchNames, ports.DocumentQuery{Status: domain.Ready, Topic: s.topics[3], NameContains: "letter"}},
	}
}

// rounds is how many pages a figure is the lower quartile of: others on the machine only ever make a page slower.
const rounds = 24

// pageTimes returns what a page takes among few documents, and each of the others among many, in milliseconds. They take turns, so
// that they meet the same machine.
func pageTimes(t *testing.T, few *shelf, small ports.DocumentQuery, lots *shelf, others ...ports.DocumentQuery) []float64 {
	t.Helper()
	took := make([][]float64, 1+len(others))
	for round := range rounds + 2 {
		for i, query := range append([]ports.DocumentQuery{small}, others...) {
			shelf := lots
			if i == 0 {
				shelf = few
			}
			start := time.Now()
			if _, err := shelf.store.ListDocuments(t.Context(), shelf.owner, query); err != nil {
				t.Fatal(err)
			}
			if round >= 2 { // the first ones fill caches
				took[i] = append(took[i], float64(time.Since(start))/float64(time.Millisecond))
			}
		}
	}
	quartiles := make([]float64, len(took))
	for i, times := range took {
		slices.Sort(times)
		quartiles[i] = times[rounds/4]
	}
	return quartiles
}

// position returns where page 10,000 of a list begins, or the middle of a list that is shorter than twice that.
func (s *shelf) position(t *testing.T, query ports.DocumentQuery) *ports.Position {
	t.Helper()
	query.Limit = 1
	listing, err := s.store.listing(t.Context(), s.owner, query)
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	counted := query
	counted.Sort = ports.Sorts()[0]
	counting, err := s.store.listing(t.Context(), s.owner, counted)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.db.Table("(?) AS selected", counting.Select("documents.id").Limit(-1)).Count(&total).Error; err != nil {
		t.Fatal(err)
	}
	var ids []uuid.UUID // alone: they come from the index
	if err := listing.Select("documents.id").Offset(int(min(benchDeep*benchPage, total/2))).Scan(&ids).Error; err != nil {
		t.Fatal(err)
	}
	doc, err := s.store.Document(t.Context(), s.owner, domain.DocumentID(ids[0]))
	if err != nil {
		t.Fatal(err)
	}
	position := ports.PositionOf(doc)
	return &position
}

// plan explains a page.
func (s *shelf) plan(t *testing.T, query ports.DocumentQuery) string {
	t.Helper()
	statement := statementOf(t, s.store, s.owner, query)
	var lines []string
	if err := s.store.db.Raw("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) " + statement).Scan(&lines).Error; err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n") + "\n"
}

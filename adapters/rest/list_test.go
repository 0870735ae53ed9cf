package rest_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func namesOf(docs []map[string]any) []string {
	var names []string
	for _, doc := range docs {
		names = append(names, doc["filename"].(string))
	}
	return names
}

func TestListIsABareArray(t *testing.T) {
	t.Parallel()
	h := open(t)
	if body := string(h.get("/api/documents").is(http.StatusOK).body); body != "[]\n" {
		t.Errorf("an empty list is %q", body)
	}
	h.keep("a.txt", "a")
	a := h.get("/api/documents").is(http.StatusOK)
	if len(a.list()) != 1 || strings.Contains(string(a.body), "extracted_text") {
		t.Errorf("list is %s", a.body)
	}
	if a.header.Get("Link") != "" || a.header.Get("X-Next-Cursor") != "" {
		t.Errorf("the last page announces another: %v", a.header)
	}
}

// Walking the pages by their links, in every order and for several page sizes, meets every document once and in order, ties
// and documents that come meanwhile notwithstanding.
func TestPagesByLink(t *testing.T) {
	t.Parallel()
	next := regexp.MustCompile(`^<([^>]*)>; rel="next"$`)
	for _, sort := range []string{"", "-created_at", "created_at", "filename", "size_bytes"} {
		for _, limit := range []int{1, 3, 50} {
			t.Run(fmt.Sprintf("%s by %d", sort, limit), func(t *testing.T) {
				t.Parallel()
				h := open(t)
				var all []string
				for i := range 10 {
					name := fmt.Sprintf("Größe %d&=#%%.txt", i/2) // every value twice
					h.upload(file(name, strings.Repeat("x", 1+i/2))).is(http.StatusCreated)
					if i%2 == 1 {
						h.clock.advance(time.Second)
					}
					all = append(all, name)
				}
				slices.Sort(all)
				if sort == "" || sort == "-created_at" {
					slices.Reverse(all)
				}
				seen := map[string]bool{}
				var got []string
				path := fmt.Sprintf("/api/documents?limit=%d&sort=%s&q=gr%%C3%%B6&extra=1", limit, sort)
				for pages := 0; path != ""; pages++ {
					if pages > 20 {
						t.Fatal("the pages do not end")
					}
					a := h.get(path).is(http.StatusOK)
					if docs := a.list(); len(docs) > limit {
						t.Fatalf("a page of %d", len(docs))
					} else {
						for _, doc := range docs {
							if seen[doc["id"].(string)] {
								t.Errorf("%v is there twice", doc["id"])
							}
							seen[doc["id"].(string)] = true
							got = append(got, doc["filename"].(string))
						}
					}
					path = ""
					if link := a.header.Get("Link"); link != "" {
						target := next.FindStringSubmatch(link)
						if target == nil {
							t.Fatalf("Link is %q", link)
						}
						u, err := url.Parse(target[1])
						if err != nil || "http://"+u.Host != h.url {
							t.Fatalf("Link is %q (%v)", link, err)
						}
						q := u.Query()
						if q.Get("cursor") != a.header.Get("X-Next-Cursor") || q.Get("extra") != "1" || q.Get("q") != "grö" || q.Get("limit") != fmt.Sprint(limit) || q.Get("sort") != sort {
							t.Errorf("the link does not keep the parameters: %v", q)
						}
						path = u.RequestURI()
					}
					if sort == "-created_at" { // newer than everything that is to come
						h.clock.advance(time.Second)
						h.upload(file("größer.txt", "later")).is(http.StatusCreated)
					}
				}
				if !slices.Equal(got, all) {
					t.Errorf("got  %v\nwant %v", got, all)
				}
			})
		}
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	h := open(t)
	folder := h.json("POST", "/api/folders", `{"name":"F"}`).text("id")
	topic := h.json("POST", "/api/topics", `{"name":"T"}`).text("id")
	topicID, _ := domain.ParseTopicID(topic)
	h.keep("plain.txt", "1")
	h.keep("In Folder 100%.txt", "2", field("folder_id", folder))
	h.keep("filed_a.txt", "3", field("topic_ids", topic))
	h.finish(h.keep("suggested.txt", "4"), "text", topicID)
	h.keep("Ma\u0308rz.txt", "5")
	for query, want := range map[string][]string{
		"status=pending":                     {"März.txt", "filed_a.txt", "In Folder 100%.txt", "plain.txt"},
		"status=ready":                       {"suggested.txt"},
		"status=failed":                      nil,
		"folder_id=" + folder:                {"In Folder 100%.txt"},
		"folder_id=none":                     {"März.txt", "suggested.txt", "filed_a.txt", "plain.txt"},
		"folder_id=" + uuid.NewString():      nil,
		"topic_id=" + topic:                  {"suggested.txt", "filed_a.txt"},
		"topic_id=" + topic + "&q=filed_":    {"filed_a.txt"},
		"sha256=" + digestOf(h, "plain.txt"): {"plain.txt"},
		"sha256=" + strings.Repeat("1", 64):  {},
		"q=FOLDER":                           {"In Folder 100%.txt"},
		"q=100%25":                           {"In Folder 100%.txt"},
		"q=%25":                              {"In Folder 100%.txt"},
		"q=_":                                {"filed_a.txt"},
		"q=M%C3%A4RZ":                        {"März.txt"},
		"q=Ma%CC%88rz":                       {"März.txt"},
		"q=nothing":                          nil,
		"status=&topic_id=&folder_id=&q=&sort=&limit=&cursor=": {"März.txt", "suggested.txt", "filed_a.txt", "In Folder 100%.txt", "plain.txt"},
		"limit=2":                        {"März.txt", "suggested.txt"},
		"limit=200&sort=filename":        {"In Folder 100%.txt", "März.txt", "filed_a.txt", "plain.txt", "suggested.txt"},
		"unknown=1&_=1700000000":         {"März.txt", "suggested.txt", "filed_a.txt", "In Folder 100%.txt", "plain.txt"},
		"status=pending&sort=created_at": {"plain.txt", "In Folder 100%.txt", "filed_a.txt", "März.txt"},
	} {
		if got := namesOf(h.get("/api/documents?" + query).is(http.StatusOK).list()); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

func TestListRefusals(t *testing.T) {
	t.Parallel()
	h := open(t)
	for query, c := range map[string]struct {
		want  int
		field string
	}{
		"limit=0":                             {422, "limit"},
		"limit=201":                           {422, "limit"},
		"limit=-1":                            {422, "limit"},
		"limit=ten":                           {422, "limit"},
		"limit=1.5":                           {422, "limit"},
		"limit=99999999999999999999":          {422, "limit"},
		"limit=1&limit=2":                     {422, "limit"},
		"status=done":                         {422, "status"},
		"status=Ready":                        {422, "status"},
		"sort=name":                           {422, "sort"},
		"sort=-filename":                      {422, "sort"},
		"sort=filename;DROP":                  {400, ""},
		"sort=filename%3BDROP":                {422, "sort"},
		"topic_id=x":                          {400, "topic_id"},
		"sha256=" + strings.Repeat("0", 64):   {400, "sha256"},
		"sha256=abc":                          {400, "sha256"},
		"sha256=" + strings.Repeat("A", 64):   {400, "sha256"},
		"topic_id={}":                         {400, "topic_id"},
		"folder_id=None":                      {400, "folder_id"},
		"q=%ff":                               {422, "q"},
		"q=a%00b":                             {422, "q"},
		"q=" + strings.Repeat("a", 256):       {422, "q"},
		"q=%zz":                               {400, ""},
		"cursor=x":                            {400, "cursor"},
		"cursor=" + strings.Repeat("A", 9000): {400, "cursor"},
		"cursor=%00":                          {400, "cursor"},
	} {
		a := h.get("/api/documents?" + query).is(c.want)
		if c.field != "" {
			a.names(c.field)
		}
	}
	// Everything that is wrong is said at once.
	a := h.get("/api/documents?limit=0&status=x&topic_id=y").is(http.StatusUnprocessableEntity)
	a.names("limit")
	a.names("status")
	a.names("topic_id")
}

func TestCursorBelongsToItsList(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i := range 5 {
		h.keep(fmt.Sprintf("%d.txt", i), fmt.Sprint(i))
	}
	cursor := h.get("/api/documents?limit=2&q=txt").is(http.StatusOK).header.Get("X-Next-Cursor")
	h.get("/api/documents?limit=1&q=txt&cursor=" + cursor).is(http.StatusOK) // the page may have another size
	for _, other := range []string{"q=tx", "q=txt&status=pending", "q=txt&sort=filename", "q=txt&sort=created_at", "q=txt&folder_id=none", "q=txt&topic_id=" + uuid.NewString(), ""} {
		h.get("/api/documents?" + other + "&cursor=" + cursor).is(http.StatusBadRequest).hasReason("bad_cursor").names("cursor")
	}
	// Damage anywhere is noticed.
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		damaged := slices.Clone(raw)
		damaged[i] ^= 0x10
		h.get("/api/documents?q=txt&cursor=" + base64.RawURLEncoding.EncodeToString(damaged)).is(http.StatusBadRequest)
		if i > 0 { // an empty cursor is none
			h.get("/api/documents?q=txt&cursor=" + base64.RawURLEncoding.EncodeToString(raw[:i])).is(http.StatusBadRequest)
		}
	}
	h.get("/api/documents?q=txt&cursor=" + cursor + "=").is(http.StatusBadRequest)
	// A cursor of a document that is gone still marks its place.
	last := h.get("/api/documents?limit=2&q=txt").list()[1]["id"].(string)
	h.send("DELETE", "/api/documents/"+last, nil).is(http.StatusNoContent)
	if got := namesOf(h.get("/api/documents?q=txt&cursor=" + cursor).list()); !slices.Equal(got, []string{"2.txt", "1.txt", "0.txt"}) {
		t.Errorf("after the deleted document come %v", got)
	}
}

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	id := domain.DocumentID(uuid.New())
	for _, sort := range ports.Sorts() {
		query := rest.SortedBy(sort)
		for _, position := range []ports.Position{
			{ID: id, CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC), Name: "ä|\x01\"", Size: math.MaxInt64},
			{ID: id, CreatedAt: time.UnixMicro(-1).UTC(), Name: "", Size: 0},
		} {
			got, err := rest.DecodeCursor(query, rest.EncodeCursor(query, position))
			if err != nil {
				t.Fatalf("%s: %v", sort, err)
			}
			want := ports.Position{ID: id}
			switch sort {
			case ports.ByName:
				want.Name = position.Name
			case ports.BySize:
				want.Size = position.Size
			default:
				want.CreatedAt = position.CreatedAt
			}
			if *got != want {
				t.Errorf("%s: got %+v, want %+v", sort, *got, want)
			}
		}
	}
	// A filter cannot be made to look like another.
	a := ports.DocumentQuery{Sort: ports.ByName, NameContains: "x"}
	b := ports.DocumentQuery{Sort: ports.ByName, Status: "x"}
	if _, err := rest.DecodeCursor(b, rest.EncodeCursor(a, ports.Position{ID: id})); err == nil {
		t.Error("two lists share a cursor")
	}
}

// Whatever a cursor says, the database only ever sees values it can compare.
func FuzzDecodeCursor(f *testing.F) {
	for _, sort := range ports.Sorts() {
		f.Add(rest.EncodeCursor(rest.SortedBy(sort), ports.Position{Name: "n", Size: 1, CreatedAt: time.Unix(1, 0)}), []byte("raw"))
	}
	f.Add("", []byte{})
	f.Add("", append(make([]byte, 16), 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	f.Add("", append(make([]byte, 16), 0x03, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	f.Add("", append(make([]byte, 16), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	f.Add("", append(make([]byte, 16), "name\x00"...))
	f.Add("", append(make([]byte, 16), "name\xff"...))
	f.Fuzz(func(t *testing.T, s string, payload []byte) {
		for _, sort := range ports.Sorts() {
			query := rest.SortedBy(sort)
			check := func(cursor string) {
				position, err := rest.DecodeCursor(query, cursor)
				if err != nil {
					if domain.ErrorCode(err) != domain.Malformed {
						t.Errorf("code %s", domain.ErrorCode(err))
					}
					return
				}
				year := position.CreatedAt.Year()
				if !utf8.ValidString(string(position.Name)) || strings.ContainsRune(string(position.Name), 0) || position.Size < 0 || year < 1 || year > 9999 {
					t.Errorf("%q gives %+v", cursor, position)
				}
				if again := rest.EncodeCursor(query, *position); again != cursor {
					t.Errorf("%q is %q when written again", cursor, again)
				}
			}
			check(s)
			check(rest.ForgeCursor(query, payload)) // with a check that fits, so that the values are reached
		}
	})
}

// digestOf returns the digest of the document of that name.
func digestOf(h *house, name string) string {
	h.t.Helper()
	for _, doc := range h.get("/api/documents").is(http.StatusOK).list() {
		if digest, ok := doc["sha256"].(string); ok && doc["filename"] == name {
			return digest
		}
	}
	h.t.Fatalf("there is no document %s", name)
	return ""
}

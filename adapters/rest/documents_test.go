package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/domain"
)

func TestReadDocument(t *testing.T) {
	t.Parallel()
	h := open(t)
	topic := h.json("POST", "/api/topics", `{"name":"T","color":"#ABCDEF"}`).text("id")
	topicID, _ := domain.ParseTopicID(topic)
	id := h.keep("a.txt", "x")
	path := "/api/documents/" + id
	doc := h.get(path).is(http.StatusOK).object()
	if text, there := doc["extracted_text"]; !there || text != nil {
		t.Errorf("before it is ready the text is %v", text)
	}
	h.get(path + "/text").is(http.StatusConflict).hasReason("not_ready")
	h.finish(id, "the text, äöü", topicID)
	doc = h.get(path).is(http.StatusOK).object()
	if doc["extracted_text"] != "the text, äöü" || doc["status"] != "ready" {
		t.Errorf("the document is %v", doc)
	}
	if topics := doc["topics"].([]any); len(topics) != 1 || topics[0].(map[string]any)["id"] != topic || topics[0].(map[string]any)["color"] != "#abcdef" {
		t.Errorf("topics are %v", topics)
	}
	text := h.get(path + "/text").is(http.StatusOK)
	if string(text.body) != "the text, äöü" || text.header.Get("Content-Type") != "text/plain; charset=utf-8" || text.header.Get("X-Text-Truncated") != "false" {
		t.Errorf("text is %q with %v", text.body, text.header)
	}

	empty := h.keep("b.txt", "y")
	h.finish(empty, "")
	if doc := h.get("/api/documents/" + empty).object(); doc["extracted_text"] != "" {
		t.Errorf("a ready document without text has %v", doc["extracted_text"])
	}
	if a := h.get("/api/documents/" + empty + "/text").is(http.StatusOK); len(a.body) != 0 {
		t.Errorf("the text is %q", a.body)
	}
}

func TestFailedDocument(t *testing.T) {
	t.Parallel()
	h := open(t)
	id, _ := domain.ParseDocumentID(h.keep("a.txt", "x"))
	if _, err := h.repo.Advance(t.Context(), id, func(doc *domain.Document) error {
		return doc.GiveUp(domain.Failure{Code: "corrupt", Message: "cannot be read"}, h.clock.now())
	}); err != nil {
		t.Fatal(err)
	}
	doc := h.get("/api/documents/" + id.String()).is(http.StatusOK).object()
	if failure := doc["failure"].(map[string]any); doc["status"] != "failed" || failure["code"] != "corrupt" || failure["message"] != "cannot be read" {
		t.Errorf("the document is %v", doc)
	}
	h.get("/api/documents/" + id.String() + "/text").is(http.StatusConflict)
}

// Ids that are no UUIDs, or not in their one form, are malformed everywhere; those that nobody has are not found.
func TestIDs(t *testing.T) {
	t.Parallel()
	h := open(t)
	const unknown = "0193590d-ac96-774b-bcce-b302099a8057"
	requests := []string{"GET /api/documents/{id}", "GET /api/documents/{id}/text", "GET /api/documents/{id}/content", "HEAD /api/documents/{id}/content",
		"GET /api/documents/{id}/url", "PATCH /api/documents/{id}", "DELETE /api/documents/{id}", "POST /api/documents/{id}/process",
		"GET /api/topics/{id}", "PATCH /api/topics/{id}", "PUT /api/topics/{id}", "DELETE /api/topics/{id}",
		"GET /api/folders/{id}", "PATCH /api/folders/{id}", "PUT /api/folders/{id}", "DELETE /api/folders/{id}"}
	for _, request := range requests {
		method, pattern, _ := strings.Cut(request, " ")
		send := func(id string) *answer {
			path := strings.Replace(pattern, "{id}", id, 1)
			if method == "PATCH" || method == "PUT" {
				return h.json(method, path, `{}`)
			}
			return h.send(method, path, nil)
		}
		for _, bad := range []string{"x", "7", "0193590dac96774bbcceb302099a8057", "%7B0193590d-ac96-774b-bcce-b302099a8057%7D", "urn:uuid:" + unknown, unknown + "0", "0193590d-ac96-774b-bcce-b302099a805g", "..", "%2e%2e", "%00", "%ff", "'%20OR%201=1--", strings.Repeat("a", 5000)} {
			if bad == ".." || bad == "%2e%2e" {
				continue // clients and servers take these as steps
			}
			if a := send(bad); a.status != 400 {
				t.Errorf("%s with %.40s: %d", request, bad, a.status)
			}
		}
		if a := send(unknown); a.status != 404 {
			t.Errorf("%s with an unknown id: %d %s", request, a.status, a.body)
		}
	}
}

func TestEditDocument(t *testing.T) {
	t.Parallel()
	h := open(t)
	folder := h.json("POST", "/api/folders", `{"name":"F"}`).text("id")
	topic := h.json("POST", "/api/topics", `{"name":"T"}`).text("id")
	other := h.json("POST", "/api/topics", `{"name":"U"}`).text("id")
	id := h.keep("a.txt", "x", field("topic_ids", other))
	path := "/api/documents/" + id
	before := h.get(path).object()
	h.clock.advance(time.Minute)

	if doc := h.json("PATCH", path, `{}`).is(http.StatusOK).object(); doc["updated_at"] != before["updated_at"] {
		t.Error("an empty change changes updated_at")
	}
	doc := h.json("PATCH", path, `{"filename":" Ma\u0308rz.pdf "}`).is(http.StatusOK).object()
	if doc["filename"] != "März.pdf" || doc["updated_at"] == before["updated_at"] || len(doc["topics"].([]any)) != 1 {
		t.Errorf("renamed: %v", doc)
	}
	if _, there := doc["extracted_text"]; there {
		t.Error("the answer has the text")
	}
	doc = h.json("PATCH", path, fmt.Sprintf(`{"folder_id":%q,"topic_ids":[%q,%q]}`, folder, topic, topic)).is(http.StatusOK).object()
	if topics := doc["topics"].([]any); doc["folder_id"] != folder || doc["filename"] != "März.pdf" || len(topics) != 1 || topics[0].(map[string]any)["name"] != "T" {
		t.Errorf("moved and filed: %v", doc)
	}
	doc = h.json("PATCH", path, `{"folder_id":null,"topic_ids":[]}`).is(http.StatusOK).object()
	if doc["folder_id"] != nil || len(doc["topics"].([]any)) != 0 {
		t.Errorf("taken out: %v", doc)
	}
	// What was read may be sent back as it is; read-only fields are ignored.
	whole := h.get(path).body
	if back := h.json("PATCH", path, string(whole)).is(http.StatusOK).object(); back["sha256"] != before["sha256"] || back["id"] != id {
		t.Errorf("sent back: %v", back)
	}
	ignored := `{"id":1,"status":"ready","size_bytes":"x","sha256":null,"topics":7,"failure":{},"task_id":[],"page_count":-1,"storage_backend":"x","created_at":0,"updated_at":0,"content_type":"x","extracted_text":"x","page_starts":0,"title":7,"thumbnail_url":[]}`
	if doc := h.json("PATCH", path, ignored).is(http.StatusOK).object(); doc["status"] != "pending" || doc["content_type"] != "text/plain" {
		t.Errorf("read-only fields count: %v", doc)
	}
}

// Bodies are judged the same way for everything that takes JSON.
func TestBodies(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", "x")
	path := "/api/documents/" + id
	const unknown = "0193590d-ac96-774b-bcce-b302099a8057"
	for body, c := range map[string]struct {
		want  int
		field string
	}{
		``:                                  {400, ""},
		`   `:                               {400, ""},
		`{`:                                 {400, ""},
		`{"filename":"a"`:                   {400, ""},
		`{"filename":"a"} x`:                {400, ""},
		`{"filename":"a"}{}`:                {400, ""},
		`{"filename":"a",}`:                 {400, ""},
		`{'filename':'a'}`:                  {400, ""},
		`{"filename":"a\q"}`:                {400, ""},
		"{\"filename\":\"a\xff\"}":          {400, ""},
		"{\"filename\":\"a\x00\"}":          {400, ""},
		"\xef\xbb\xbf{}":                    {400, ""},
		`NaN`:                               {400, ""},
		`[]`:                                {422, "body"},
		`null`:                              {422, "body"},
		`"x"`:                               {422, "body"},
		`7`:                                 {422, "body"},
		`{"name":"a"}`:                      {422, "name"},
		`{"Filename":"a"}`:                  {422, "Filename"},
		`{"object_key":"a"}`:                {422, "object_key"},
		`{"filename":7}`:                    {422, "filename"},
		`{"filename":null}`:                 {422, "filename"},
		`{"filename":["a"]}`:                {422, "filename"},
		`{"filename":""}`:                   {422, "filename"},
		`{"filename":"a/b"}`:                {422, "filename"},
		`{"filename":"a\\b"}`:               {422, "filename"},
		`{"filename":".."}`:                 {422, "filename"},
		`{"filename":"a\u0000b"}`:           {422, "filename"},
		`{"filename":"a\ud800b"}`:           {422, "filename"},
		`{"filename":"a\u202eb"}`:           {422, "filename"},
		`{"filename":"a","filename":"b"}`:   {422, "filename"},
		`{"folder_id":7}`:                   {422, "folder_id"},
		`{"folder_id":"x"}`:                 {400, "folder_id"},
		`{"folder_id":""}`:                  {400, "folder_id"},
		`{"folder_id":"` + unknown + `"}`:   {422, "folder_id"},
		`{"topic_ids":null}`:                {422, "topic_ids"},
		`{"topic_ids":"` + unknown + `"}`:   {422, "topic_ids"},
		`{"topic_ids":[7]}`:                 {422, "topic_ids"},
		`{"topic_ids":[null]}`:              {422, "topic_ids"},
		`{"topic_ids":["x"]}`:               {400, "topic_ids"},
		`{"topic_ids":["` + unknown + `"]}`: {422, "topic_ids"},
		`{"topic_ids":[` + strings.Repeat(`"x",`, 100) + `"x"]}`:            {422, "topic_ids"},
		`{"` + strings.Repeat("k", 1000) + `":1}`:                           {422, strings.Repeat("k", 64) + "…"},
		`{"filename":"` + strings.Repeat("a", 64<<10) + `"}`:                {413, ""},
		strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000): {413, ""},
		strings.Repeat(`[`, 60_000):                                         {400, ""},
	} {
		a := h.json("PATCH", path, body)
		if a.status != c.want {
			t.Errorf("%.80s: %d, want %d: %s", body, a.status, c.want, clip(a.body))
		} else if c.field != "" {
			a.names(c.field)
		}
	}
	a := h.json("PATCH", path, `{"filename":7,"colour":"red","folder_id":"x"}`).is(http.StatusUnprocessableEntity)
	a.names("filename")
	a.names("colour")
	a.names("folder_id")

	for contentType, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON;charset=UTF-8": 200, "application/merge-patch+json": 200,
		"": 200, "text/plain": 415, "application/x-www-form-urlencoded": 415, "application/json; charset=latin1": 415, "multipart/form-data": 415,
		"application/jsonx": 415, ";;": 415,
	} {
		h.send("PATCH", path, strings.NewReader(`{"filename":"b.txt"}`), "Content-Type", contentType).is(want)
	}
	if got := h.get(path).text("filename"); got != "b.txt" {
		t.Errorf("the filename is %q", got)
	}
}

func TestDeleteDocument(t *testing.T) {
	t.Parallel()
	h := open(t)
	path := "/api/documents/" + h.keep("a.txt", "x")
	if a := h.send("DELETE", path, nil).is(http.StatusNoContent); len(a.body) != 0 {
		t.Errorf("the answer is %q", a.body)
	}
	h.send("DELETE", path, nil).is(http.StatusNotFound)
	h.get(path).is(http.StatusNotFound)
	h.get(path + "/content").is(http.StatusNotFound)
	if names := h.storage.Names(); len(names) != 0 {
		t.Errorf("the bytes are left: %v", names)
	}
}

func TestProcessAgainAndTasks(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", "x")
	path := "/api/documents/" + id
	first := h.get(path).text("task_id")
	if task := h.get("/api/tasks/" + first).is(http.StatusOK).object(); task["status"] != "PENDING" || task["result"] != nil || task["error"] != nil || task["date_done"] != nil {
		t.Errorf("the task is %v", task)
	}
	// While it is on its way, its task is the answer.
	if again := h.send("POST", path+"/process", nil).is(http.StatusAccepted); again.text("task_id") != first {
		t.Errorf("a second task %s beside %s", again.text("task_id"), first)
	}
	h.finish(id, "text")
	task := h.get("/api/tasks/" + first).is(http.StatusOK).object()
	if result, _ := task["result"].(map[string]any); task["status"] != "SUCCESS" || result["document_id"] != id || result["status"] != "ready" || task["date_done"] == nil {
		t.Errorf("the task is %v", task)
	}
	again := h.send("POST", path+"/process", strings.NewReader("anything"), "Content-Type", "text/plain").is(http.StatusAccepted)
	if again.text("task_id") == first || again.header.Get("Location") != "/api/tasks/"+again.text("task_id") {
		t.Errorf("the new task is %s at %s", again.text("task_id"), again.header.Get("Location"))
	}
	h.get(again.header.Get("Location")).is(http.StatusOK)
	if doc := h.get(path).object(); doc["status"] != "pending" || doc["task_id"] != again.text("task_id") {
		t.Errorf("the document is %v", doc)
	}
	h.get("/api/tasks/unknown").is(http.StatusNotFound)
	h.get("/api/tasks/" + strings.Repeat("x", 256)).is(http.StatusBadRequest)
	h.get("/api/tasks/a%00b").is(http.StatusBadRequest)
	h.get("/api/tasks/a%ffb").is(http.StatusBadRequest)
	h.queue.Fail(domain.Errorf(domain.Unavailable, "down"))
	h.get("/api/tasks/" + again.text("task_id")).is(http.StatusOK) // the document knows
	h.get("/api/tasks/unknown").is(http.StatusServiceUnavailable)
}

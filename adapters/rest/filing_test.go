package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestTopics(t *testing.T) {
	t.Parallel()
	h := open(t)
	if body := string(h.get("/api/topics").is(http.StatusOK).body); body != "[]\n" {
		t.Errorf("an empty list is %q", body)
	}
	made := h.json("POST", "/api/topics", `{"name":" Bills / 2026 ","description":"what\nto pay"}`).is(http.StatusCreated)
	topic := made.object()
	if topic["name"] != "Bills / 2026" || topic["description"] != "what\nto pay" || topic["color"] != "#6366f1" || topic["document_count"] != 0.0 {
		t.Errorf("the topic is %v", topic)
	}
	path := made.header.Get("Location")
	if path != "/api/topics/"+topic["id"].(string) {
		t.Errorf("Location is %q", path)
	}
	h.json("POST", "/api/topics", `{"name":"Another","color":null,"description":null,"id":"x","document_count":9}`).is(http.StatusCreated)
	h.json("POST", "/api/topics", `{"name":"Another"}`).is(http.StatusConflict).hasReason("duplicate_name")
	h.keep("a.txt", "x", field("topic_ids", topic["id"].(string)))
	list := h.get("/api/topics").is(http.StatusOK).list()
	if len(list) != 2 || list[0]["name"] != "Another" || list[1]["document_count"] != 1.0 {
		t.Errorf("the list is %v", list)
	}
	for _, method := range []string{"PATCH", "PUT"} {
		got := h.json(method, path, `{"color":"#FF0000"}`).is(http.StatusOK).object()
		if got["color"] != "#ff0000" || got["name"] != "Bills / 2026" || got["description"] != "what\nto pay" || got["document_count"] != 1.0 {
			t.Errorf("%s: %v", method, got)
		}
	}
	if got := h.json("PATCH", path, `{"color":null,"description":null}`).is(http.StatusOK).object(); got["color"] != "#6366f1" || got["description"] != "" {
		t.Errorf("nulls give %v", got)
	}
	if got := h.json("PUT", path, string(h.get(path).body)).is(http.StatusOK).object(); got["name"] != "Bills / 2026" {
		t.Errorf("sent back: %v", got)
	}
	h.json("PATCH", path, `{"name":"Another"}`).is(http.StatusConflict).hasReason("duplicate_name")
	for body, field := range map[string]string{
		`{}`: "name", `{"description":"x"}`: "name", `{"name":null}`: "name", `{"name":""}`: "name", `{"name":"  "}`: "name", `{"name":"a\nb"}`: "name",
		`{"name":"` + strings.Repeat("ä", 101) + `"}`: "name", `{"name":"x","color":"red"}`: "color", `{"name":"x","color":"#12345"}`: "color",
		`{"name":"x","color":"#1234567"}`: "color", `{"name":"x","description":7}`: "description", `{"name":"x","colour":"#123456"}`: "colour",
		`{"name":"x","description":"` + strings.Repeat("ä", 2001) + `"}`: "description", `{"name":"x","user_id":null}`: "user_id",
	} {
		h.json("POST", "/api/topics", body).is(http.StatusUnprocessableEntity).names(field)
	}
	h.json("PATCH", path, `{"color":"blue"}`).is(http.StatusUnprocessableEntity).names("color")
	h.send("DELETE", path, nil).is(http.StatusNoContent)
	h.send("DELETE", path, nil).is(http.StatusNotFound)
	h.get(path).is(http.StatusNotFound)
	if docs := h.get("/api/documents").list(); len(docs) != 1 || len(docs[0]["topics"].([]any)) != 0 {
		t.Errorf("after the topic is gone its document is %v", docs)
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	h := open(t)
	if body := string(h.get("/api/folders").is(http.StatusOK).body); body != "[]\n" {
		t.Errorf("an empty list is %q", body)
	}
	made := h.json("POST", "/api/folders", `{"name":"Invoices","parent_id":null}`).is(http.StatusCreated)
	top := made.text("id")
	if path := made.header.Get("Location"); path != "/api/folders/"+top {
		t.Errorf("Location is %q", path)
	}
	sub := h.json("POST", "/api/folders", fmt.Sprintf(`{"name":"2026","parent_id":%q}`, top)).is(http.StatusCreated)
	if got := fmt.Sprint(sub.object()["path"]); got != "[Invoices 2026]" || sub.text("parent_id") != top {
		t.Errorf("the folder is %s", sub.body)
	}
	h.json("POST", "/api/folders", `{"name":"Invoices"}`).is(http.StatusConflict).hasReason("duplicate_name")
	h.json("POST", "/api/folders", `{"name":"x","parent_id":"0193590d-ac96-774b-bcce-b302099a8057"}`).is(http.StatusUnprocessableEntity).names("parent_id")
	h.json("POST", "/api/folders", `{"name":"x","parent_id":"x"}`).is(http.StatusBadRequest).names("parent_id")
	for body, field := range map[string]string{`{}`: "name", `{"name":"a/b"}`: "name", `{"name":".."}`: "name", `{"name":"x","parent":null}`: "parent", `{"name":"x","parent_id":7}`: "parent_id"} {
		h.json("POST", "/api/folders", body).is(http.StatusUnprocessableEntity).names(field)
	}
	doc := h.keep("a.txt", "x", field("folder_id", sub.text("id")))
	list := h.get("/api/folders").is(http.StatusOK).list()
	if len(list) != 2 || list[0]["name"] != "Invoices" || list[1]["document_count"] != 1.0 || list[0]["document_count"] != 0.0 {
		t.Errorf("the list is %v", list)
	}
	subPath := "/api/folders/" + sub.text("id")
	h.json("PATCH", "/api/folders/"+top, fmt.Sprintf(`{"parent_id":%q}`, sub.text("id"))).is(http.StatusConflict).hasReason("cycle")
	if got := h.json("PUT", subPath, `{"name":"2027"}`).is(http.StatusOK).object(); got["name"] != "2027" || got["parent_id"] != top {
		t.Errorf("renamed: %v", got)
	}
	if got := h.json("PATCH", subPath, `{"parent_id":null}`).is(http.StatusOK).object(); got["parent_id"] != nil || fmt.Sprint(got["path"]) != "[2027]" {
		t.Errorf("moved: %v", got)
	}
	if got := h.json("PUT", subPath, string(h.get(subPath).body)).is(http.StatusOK).object(); got["name"] != "2027" {
		t.Errorf("sent back: %v", got)
	}
	h.json("PATCH", subPath, fmt.Sprintf(`{"parent_id":%q}`, top)).is(http.StatusOK)

	h.send("DELETE", "/api/folders/"+top+"?documents=burn", nil).is(http.StatusUnprocessableEntity).names("documents")
	h.send("DELETE", "/api/folders/"+top+"?documents=refuse", nil).is(http.StatusConflict).hasReason("not_empty")
	gone := h.send("DELETE", "/api/folders/"+top, nil).is(http.StatusOK).object()
	if gone["folders_deleted"] != 2.0 || gone["documents_unfiled"] != 1.0 {
		t.Errorf("what happened is %v", gone)
	}
	if got := h.get("/api/documents/" + doc).is(http.StatusOK).object(); got["folder_id"] != nil {
		t.Errorf("its document is %v", got)
	}
	h.send("DELETE", "/api/folders/"+top, nil).is(http.StatusNotFound)
	empty := h.json("POST", "/api/folders", `{"name":"empty"}`).text("id")
	h.send("DELETE", "/api/folders/"+empty+"?documents=refuse", nil).is(http.StatusOK)
	h.send("DELETE", "/api/folders/"+h.json("POST", "/api/folders", `{"name":"k"}`).text("id")+"?documents=keep", nil).is(http.StatusOK)
}

// ready gives a document a text and suggestions, as a worker does.
func (h *house) ready(id, text string, suggestions ...domain.Suggestion) {
	h.t.Helper()
	doc, err := domain.ParseDocumentID(id)
	if err != nil {
		h.t.Fatal(err)
	}
	var held domain.Attempt
	mine, err := h.repo.Advance(h.t.Context(), doc, func(d *domain.Document) (err error) {
		held, err = d.Claim(h.clock.now(), domain.Recovery{}.WithDefaults())
		return err
	})
	if err == nil {
		err = mine.Finish(held, h.clock.now())
	}
	if err == nil {
		_, err = h.repo.Complete(h.t.Context(), held, mine, ports.Outcome{Text: text, Suggestions: suggestions})
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) topic(name string) (id string, topic domain.TopicID) {
	h.t.Helper()
	id = h.json("POST", "/api/topics", fmt.Sprintf(`{"name":%q}`, name)).is(http.StatusCreated).text("id")
	topic, err := domain.ParseTopicID(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return id, topic
}

// filed shows a document's topics: name, confirmed or suggested, and by whom.
func filed(doc map[string]any) string {
	var all []string
	for _, raw := range doc["topics"].([]any) {
		topic := raw.(map[string]any)
		all = append(all, fmt.Sprintf("%v %v %v %v", topic["name"], topic["confirmed"], topic["confidence"], topic["suggested_by"]))
	}
	return strings.Join(all, ", ")
}

func TestSuggestedTopicsAreAcceptedAndRejected(t *testing.T) {
	t.Parallel()
	h := open(t)
	bills, billsID := h.topic("Bills")
	taxes, taxesID := h.topic("Taxes")
	id := h.keep("a.txt", "x")
	h.ready(id, "text", domain.Suggestion{Topic: billsID, Confidence: 0.75, By: "local"}, domain.Suggestion{Topic: taxesID, Confidence: 0.5, By: "local"})
	path := "/api/documents/" + id
	if got := filed(h.get(path).is(http.StatusOK).object()); got != "Bills false 0.75 local, Taxes false 0.5 local" {
		t.Errorf("suggested are %s", got)
	}
	for range 2 { // twice is once
		if got := filed(h.send("POST", path+"/topics/"+bills+"/accept", nil).is(http.StatusOK).object()); !strings.HasPrefix(got, "Bills true 0.75 local") {
			t.Errorf("after accepting one: %s", got)
		}
		if got := filed(h.send("POST", path+"/topics/"+taxes+"/reject", nil).is(http.StatusOK).object()); got != "Bills true 0.75 local" {
			t.Errorf("after rejecting the other: %s", got)
		}
	}
	if got := filed(h.get("/api/documents").list()[0]); got != "Bills true 0.75 local" {
		t.Errorf("in the list: %s", got)
	}
	if list := h.get("/api/documents?topic_id=" + taxes).list(); len(list) != 0 {
		t.Errorf("under the rejected topic are %v", list)
	}
	if got := h.get("/api/topics/" + taxes).object()["document_count"]; got != 0.0 {
		t.Errorf("the rejected topic counts %v", got)
	}
	if got := filed(h.send("POST", path+"/topics/"+taxes+"/accept", nil).is(http.StatusOK).object()); got != "Bills true 0.75 local, Taxes true <nil> <nil>" {
		t.Errorf("after accepting what was rejected: %s", got)
	}
	if got := filed(h.json("PATCH", path, `{"topic_ids":[`+fmt.Sprintf("%q", taxes)+`]}`).is(http.StatusOK).object()); got != "Taxes true <nil> <nil>" {
		t.Errorf("after a list of topics: %s", got)
	}

	nobodys := "0193590d-ac96-774b-bcce-b302099a8057"
	for _, verb := range []string{"accept", "reject"} {
		h.send("POST", path+"/topics/"+nobodys+"/"+verb, nil).is(http.StatusNotFound)
		h.send("POST", "/api/documents/"+nobodys+"/topics/"+taxes+"/"+verb, nil).is(http.StatusNotFound)
		h.send("POST", path+"/topics/x/"+verb, nil).is(http.StatusBadRequest)
		h.send("POST", "/api/documents/x/topics/"+taxes+"/"+verb, nil).is(http.StatusBadRequest)
	}
}

func TestTopicsThatThereCouldBe(t *testing.T) {
	t.Parallel()
	h := open(t)
	if body := string(h.get("/api/topics/suggestions").is(http.StatusOK).body); body != "[]\n" {
		t.Errorf("without documents there are %s", body)
	}
	_, bills := h.topic("Bills")
	for i := range 4 {
		h.ready(h.keep(fmt.Sprintf("sail%d.txt", i), fmt.Sprint("x", i)), "sailing boats")
		h.ready(h.keep(fmt.Sprintf("bill%d.txt", i), fmt.Sprint("y", i)), "billing terms", domain.Suggestion{Topic: bills, Confidence: 0.9})
	}
	ideas := h.get("/api/topics/suggestions").is(http.StatusOK).list()
	if len(ideas) != 1 || ideas[0]["name"] != "sailing" || ideas[0]["document_count"] != 4.0 || len(ideas[0]["document_ids"].([]any)) != 4 {
		t.Errorf("suggested are %v", ideas)
	}
	h.topic("Sailing")
	if ideas := h.get("/api/topics/suggestions").is(http.StatusOK).list(); len(ideas) != 0 {
		t.Errorf("with a topic of that name are still suggested %v", ideas)
	}
}

package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
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

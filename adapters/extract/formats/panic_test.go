package formats

import (
	"bytes"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestPanicIsTheDocumentsAndSaysNothingOfIt(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	r := New(Limits{}, Setup{}, nil, slog.New(slog.NewTextHandler(&logs, nil)))
	r.formats["test/panic"] = func(_ *Reader, data []byte, _ *page) error { panic("cannot parse " + string(data)) }
	got, err := r.Read("test/panic", []byte("the secret letter"))
	if domain.ErrorCode(err) != domain.Unreadable || domain.ErrorReason(err) != ports.ReasonCrashed || !reflect.DeepEqual(got, Result{}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !strings.Contains(logs.String(), "panic_test.go") && !strings.Contains(logs.String(), "TestPanic") {
		t.Errorf("the log does not say where: %s", logs.String())
	}
	if strings.Contains(logs.String()+err.Error(), "secret") {
		t.Errorf("text of the document got out: %v, %s", err, logs.String())
	}
}

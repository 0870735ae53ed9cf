package domain_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

var keyPattern = regexp.MustCompile(`^[0-9a-f-]{36}/[0-9a-f-]{36}/[0-9a-f-]{36}(\.[a-z0-9]{1,16})?$`)

func TestObjectKeyFollowsItsRule(t *testing.T) {
	t.Parallel()
	doc, tail := domain.DocumentID(uuid.New()), uuid.New()
	stem := func(owner domain.Owner) string { return owner.String() + "/" + doc.String() + "/" + tail.String() }
	someone := domain.Owner(uuid.New())
	for name, ext := range map[string]string{
		"report.pdf": ".pdf", "REPORT.PDF": ".pdf", "archive.tar.gz": ".gz", "no suffix": "", "dot.": "", ".env": ".env",
		"a.b c": "", "a.ümlaut": "", "a.pdf ": "", "a.12345678901234567": "", "a.1234567890123456": ".1234567890123456", "a.p-f": "", "..": "",
	} {
		for _, owner := range []domain.Owner{domain.Nobody, someone} {
			key := domain.NewObjectKey(owner, doc, tail, domain.FileName(name))
			if want := stem(owner) + ext; key.String() != want {
				t.Errorf("key for %q is %s, want %s", name, key, want)
			}
			if key.Document() != doc {
				t.Errorf("key %s leads to document %s", key, key.Document())
			}
		}
	}
	if !strings.HasPrefix(stem(domain.Nobody), "00000000-0000-0000-0000-000000000000/") {
		t.Error("nobody's keys do not begin with the nil UUID")
	}
}

func TestObjectKeyIsNeverAnythingElse(t *testing.T) {
	t.Parallel()
	good := domain.NewObjectKey(domain.Nobody, domain.DocumentID(uuid.New()), uuid.New(), "a.pdf").String()
	if key, err := domain.ParseObjectKey(good); err != nil || key.String() != good {
		t.Errorf("a key of ours does not parse: %v", err)
	}
	for _, s := range []string{"", "a", "../" + good, good + "/x", "/" + good, good + "\n", strings.ToUpper(good), strings.Replace(good, "/", "\\", 1), good + ".exe", good[:len(good)-4] + ".", strings.Replace(good, "0", "g", 1)} {
		if key, err := domain.ParseObjectKey(s); domain.ErrorCode(err) != domain.Invalid || !key.IsZero() {
			t.Errorf("%q parsed as %q, error %v", s, key, err)
		}
	}
	if zero := (domain.ObjectKey{}); !zero.IsZero() || zero.Document() != (domain.DocumentID{}) {
		t.Error("the zero key names something")
	}
}

// TestObjectKeyTailIsAUUIDv4 sets every version and every variant on random tails: version 4 of the RFC's variant makes a key,
// and of the texts built alike only that one parses.
func TestObjectKeyTailIsAUUIDv4(t *testing.T) {
	t.Parallel()
	doc := domain.DocumentID(uuid.New())
	stem := domain.Nobody.String() + "/" + doc.String() + "/"
	check := func(tail uuid.UUID, good bool) {
		t.Helper()
		key := domain.NewObjectKey(domain.Nobody, doc, tail, "a.pdf")
		if key.IsZero() == good {
			t.Errorf("the tail %s (%s, %s) made the key %q", tail, tail.Version(), tail.Variant(), key)
		}
		if parsed, err := domain.ParseObjectKey(stem + tail.String() + ".pdf"); (err == nil) != good || parsed != key {
			t.Errorf("the tail %s (%s, %s) parsed as %q, error %v", tail, tail.Version(), tail.Variant(), parsed, err)
		}
	}
	for version := range byte(16) {
		for variant := range byte(16) {
			for range 8 {
				tail := uuid.New()
				tail[6] = tail[6]&0x0f | version<<4
				tail[8] = tail[8]&0x0f | variant<<4
				check(tail, version == 4 && variant >= 0b1000 && variant <= 0b1011)
			}
		}
	}
	check(uuid.Nil, false)
	check(uuid.Max, false)
	check(uuid.Must(uuid.NewV7()), false)
}

func FuzzObjectKey(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Add("../../etc/passwd.sh")
	f.Add("Secret merger.pdf")
	f.Fuzz(func(t *testing.T, name string) {
		doc, tail := domain.DocumentID(uuid.New()), uuid.New()
		key := domain.NewObjectKey(domain.Nobody, doc, tail, domain.FileName(name)).String()
		if !keyPattern.MatchString(key) {
			t.Errorf("the name %q made the key %q", name, key)
		}
		ext, _ := strings.CutPrefix(key, domain.Nobody.String()+"/"+doc.String()+"/"+tail.String())
		if !strings.HasSuffix(strings.ToLower(name), ext) {
			t.Errorf("the key of %q ends in %q", name, ext)
		}
		if _, err := domain.ParseObjectKey(key); err != nil {
			t.Errorf("the key %q does not parse: %v", key, err)
		}
	})
}

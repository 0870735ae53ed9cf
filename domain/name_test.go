package domain_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/docuvault/docuvault/domain"
)

// hostile names no file or folder may have.
var hostile = map[string]string{
	"empty":                "",
	"blank":                " \t ",
	"only spaces":          "   ",
	"NUL":                  "a\x00b.pdf",
	"line break":           "a\nb.pdf",
	"trailing line break":  "a.pdf\n",
	"delete":               "a\x7f.pdf",
	"C1 control":           "a\u0085b",
	"slash":                "a/b.pdf",
	"absolute":             "/etc/passwd",
	"backslash":            `..\..\boot.ini`,
	"parent":               "..",
	"self":                 ".",
	"parent with spaces":   " .. ",
	"invalid UTF-8":        "a\xff.pdf",
	"overlong UTF-8":       "a\xc0\xaf.pdf",
	"replacement":          "a\ufffd.pdf",
	"right-to-left":        "invoice\u202efdp.exe",
	"isolate":              "a\u2066b",
	"left-to-right mark":   "a\u200eb",
	"arabic letter mark":   "a\u061cb",
	"byte-order mark":      "\ufeffa.pdf",
	"line separator":       "a\u2028b",
	"device":               "CON",
	"device with suffix":   "nul.txt",
	"device with two":      "Aux.tar.gz",
	"numbered device":      "com1",
	"printer":              "LPT9.pdf",
	"superscript device":   "COM¹.txt",
	"device, space before": "con .txt",
	"device, colon":        "NUL:",
	"device, stream":       "nul:a.txt",
	"console input":        "CONIN$",
	"console output":       "conout$.txt",
	"three dots":           "...",
	"dots and spaces":      ". . .",
	"line, then space":     "a.pdf\n ",
	"annotation":           "a\ufff9b.pdf",
	"noncharacter":         "a\ufffeb.pdf",
	"far noncharacter":     "a\U0010ffff.pdf",
	"tag":                  "a\U000e0041.pdf",
	"zero width space":     "a\u200bb.pdf",
	"word joiner":          "a\u2060b.pdf",
	"soft hyphen":          "a\u00adb.pdf",
	"joiner first":         "\u200da.pdf",
	"joiner last":          "a\u200d",
	"joiner before a dot":  "a\u200d.pdf",
	"joiner after a space": "a \u200db.pdf",
	"two joiners":          "a\u200d\u200db.pdf",
	"non-joiner in digits": "1\u200c2.pdf",
}

// blank names show nothing at all.
var blank = []string{"", " ", "\u200b", "\u2060\u200d", "\u00ad", "\u3164", "\u2800", "\u115f\u1160", "\uffa0", "\u00a0", "\u2003\u3000",
	"\ufe0f", "\u034f", "\u3164\u200d\u3164", "\ufffe", "\ufff9", "\U000e0041", "\u0301"}

func TestNamesAreVisible(t *testing.T) {
	t.Parallel()
	for _, name := range blank {
		_, fileErr := domain.NewFileName(name)
		_, folderErr := domain.NewFolderName(name)
		_, topicErr := domain.NewTopicName(name)
		for kind, err := range map[string]error{"file": fileErr, "folder": folderErr, "topic": topicErr} {
			if domain.ErrorCode(err) != domain.Invalid {
				t.Errorf("%q as a %s name: got %v, want invalid", name, kind, err)
			}
		}
	}
}

func TestNamesRefuseHostileText(t *testing.T) {
	t.Parallel()
	for what, name := range hostile {
		_, fileErr := domain.NewFileName(name)
		_, folderErr := domain.NewFolderName(name)
		for kind, err := range map[string]error{"file": fileErr, "folder": folderErr} {
			if domain.ErrorCode(err) != domain.Invalid {
				t.Errorf("%s as a %s name: got %v, want invalid", what, kind, err)
			}
		}
	}
}

func TestNamesKeepOrdinaryText(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Invoice 2026.pdf":          "Invoice 2026.pdf",
		"  spaced.txt ":             "spaced.txt",
		"Ärger.docx":                "Ärger.docx",
		"A\u0308rger.docx":          "Ärger.docx", // decomposed becomes composed
		"請求書.pdf":                   "請求書.pdf",
		"emoji 👩‍👩‍👧.png":           "emoji 👩‍👩‍👧.png", // joiners are part of it
		"..hidden":                  "..hidden",
		".env":                      ".env",
		"console.log":               "console.log",
		"com10.txt":                 "com10.txt",
		`quotes " and ' and <b>.md`: `quotes " and ' and <b>.md`, // ordinary on Linux and macOS
		"10:30 What? *.txt":         "10:30 What? *.txt",
		"Letter to Acme Inc.":       "Letter to Acme Inc.",
		"a.txt.":                    "a.txt.",
		"null.txt":                  "null.txt",
		"می\u200cخواهم.pdf":         "می\u200cخواهم.pdf",   // Persian needs the non-joiner
		"അവന\u0d4d\u200d.pdf":       "അവന\u0d4d\u200d.pdf", // Malayalam ends words with a joiner
		"❤️\u200d🔥.png":             "❤️\u200d🔥.png",
		"👩🏽\u200d💻.png":             "👩🏽\u200d💻.png",
		"\u0600\u0661.txt":          "\u0600\u0661.txt", // a number sign that is shown
		"\U0001fae9.png":            "\U0001fae9.png",   // an emoji newer than most tables
		strings.Repeat("x", 255):    strings.Repeat("x", 255),
	} {
		got, err := domain.NewFileName(name)
		if err != nil || string(got) != want {
			t.Errorf("file name %q became %q, error %v; want %q", name, got, err, want)
		}
	}
}

func TestNamesHaveLengths(t *testing.T) {
	t.Parallel()
	if _, err := domain.NewFileName(strings.Repeat("ä", 128)); domain.ErrorCode(err) != domain.Invalid {
		t.Errorf("256 bytes of file name: %v", err)
	}
	if _, err := domain.NewFolderName(strings.Repeat("ä", domain.MaxFolderName)); err != nil {
		t.Errorf("longest folder name: %v", err)
	}
	if _, err := domain.NewFolderName(strings.Repeat("ä", domain.MaxFolderName+1)); domain.ErrorCode(err) != domain.Invalid {
		t.Errorf("longer folder name: %v", err)
	}
	if _, err := domain.NewTopicName(strings.Repeat("ä", domain.MaxTopicName+1)); domain.ErrorCode(err) != domain.Invalid {
		t.Errorf("longer topic name: %v", err)
	}
	if _, err := domain.NewTopicDescription(strings.Repeat("ä", domain.MaxTopicDescribed+1)); domain.ErrorCode(err) != domain.Invalid {
		t.Errorf("longer description: %v", err)
	}
}

// A topic is no path: it may be called what a file may not, as long as it can be read.
func TestTopicNamesRefuseWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	path := []string{"slash", "absolute", "backslash", "parent", "self", "parent with spaces", "device", "device with suffix", "device with two",
		"numbered device", "printer", "superscript device", "device, space before", "device, colon", "device, stream", "console input", "console output",
		"three dots", "dots and spaces"}
	for what, name := range hostile {
		_, err := domain.NewTopicName(name)
		if fine := slices.Contains(path, what); fine != (err == nil) || !fine && domain.ErrorCode(err) != domain.Invalid {
			t.Errorf("%s as a topic's name: %v", what, err)
		}
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	topic, err := domain.NewTopic(domain.TopicID(uuid.New()), domain.Nobody, " Taxes / 2026 ", "line one\r\nline two\t", "#ABCDEF")
	if err != nil {
		t.Fatal(err)
	}
	if topic.Name != "Taxes / 2026" || topic.Description != "line one\nline two" || topic.Color != "#abcdef" {
		t.Errorf("topic is %+v", topic)
	}
	if color, err := domain.NewColor(""); err != nil || color != domain.DefaultColor {
		t.Errorf("no colour became %q, error %v", color, err)
	}
	for _, color := range []string{"red", "#fff", "#6366f1ff", "6366f1", "#66g6f1", "#6366f1\n", "＃6366f1"} {
		if _, err := domain.NewColor(color); domain.ErrorCode(err) != domain.Invalid {
			t.Errorf("colour %q: got %v, want invalid", color, err)
		}
	}
	for what, description := range map[string]string{"NUL": "a\x00b", "invalid UTF-8": "\xff", "reordering": "a\u202eb", "an invisible character": "a\u200bb"} {
		if _, err := domain.NewTopicDescription(description); domain.ErrorCode(err) != domain.Invalid {
			t.Errorf("description with %s: got %v", what, err)
		}
	}
}

// What is typed in two ways that look the same is one name, of everything that has a name.
func TestNamesAreInNFC(t *testing.T) {
	t.Parallel()
	const typed, want = "Pru\u0308fung", "Pr\u00fcfung"
	file, fileErr := domain.NewFileName(typed)
	folder, folderErr := domain.NewFolder(domain.FolderID(uuid.New()), domain.Nobody, domain.FolderID{}, typed)
	topic, topicErr := domain.NewTopic(domain.TopicID(uuid.New()), domain.Nobody, typed, typed, "")
	if err := errors.Join(fileErr, folderErr, topicErr); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]string{
		"file": string(file), "folder": string(folder.Name), "topic": string(topic.Name), "description": topic.Description,
	} {
		if got != want {
			t.Errorf("the %s is called %+q, want %+q", what, got, want)
		}
	}
	// Limits count what is kept: composed, these are as long as they may be.
	if _, err := domain.NewFolderName(strings.Repeat("u\u0308", domain.MaxFolderName)); err != nil {
		t.Errorf("longest folder name, typed in parts: %v", err)
	}
	if _, err := domain.NewTopicName(strings.Repeat("u\u0308", domain.MaxTopicName)); err != nil {
		t.Errorf("longest topic name, typed in parts: %v", err)
	}
}

func TestErrorsNameTheField(t *testing.T) {
	t.Parallel()
	_, file := domain.NewFileName("a/b")
	_, folder := domain.NewFolder(domain.FolderID(uuid.New()), domain.Nobody, domain.FolderID{}, "..")
	newTopic := func(name, description, color string) error {
		_, err := domain.NewTopic(domain.TopicID(uuid.New()), domain.Nobody, name, description, color)
		return err
	}
	for _, c := range []struct {
		err   error
		field string
	}{
		{file, "filename"}, {folder, "name"}, {newTopic("", "", ""), "name"}, {newTopic("a", "\x00", ""), "description"}, {newTopic("a", "", "red"), "color"},
	} {
		var e *domain.Error
		if !asError(c.err, &e) || len(e.Fields) != 1 || e.Fields[0].Field != c.field || e.Fields[0].Message == "" {
			t.Errorf("error is %#v, want one that names %s", c.err, c.field)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Add("Invoice 2026.pdf")
	f.Fuzz(func(t *testing.T, s string) {
		name, err := domain.NewFileName(s)
		if err != nil {
			return
		}
		got := string(name)
		if got == "" || len(got) > domain.MaxFileNameBytes || !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) ||
			strings.ContainsAny(got, "/\\\x00\n\r") || strings.Trim(got, ".") == "" {
			t.Errorf("%q became the unsafe name %q", s, got)
		}
		if again, err := domain.NewFileName(got); err != nil || again != name {
			t.Errorf("%q is not stable: %q, %v", got, again, err)
		}
	})
}

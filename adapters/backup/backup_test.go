package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// contents is what a backup holds.
type contents struct {
	rows    []ports.Record
	objects map[ports.BackupObject]string
	notes   ports.BackupNotes
}

func sample() contents {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC)
	folder := ports.FolderRecord{Folder: domain.Folder{ID: domain.FolderID{1}, Owner: domain.Owner{2}, Name: "a\u202e/<\u2028>"}, CreatedAt: at}
	topic := domain.Topic{ID: domain.TopicID{3}, Owner: domain.Owner{2}, Name: "topic", Description: "d", Color: "#000000"}
	pages, sure, text := 3, 1.0/3, "text \"\\ \U0001f4c1\r\n\x01"
	doc := domain.Document{ID: domain.DocumentID{4}, Owner: domain.Owner{2}, Folder: folder.ID, Name: "n", ContentType: "text/plain", Size: 5,
		Backend: "minio", PageCount: &pages, Truncated: true, Key: "k", CreatedAt: at, UpdatedAt: at,
		About:    domain.About{Title: "t", Author: "a", Language: "de", AuthoredAt: at, ModifiedAt: at, Warning: "w"},
		Progress: domain.Progress{Status: domain.Failed, Failure: &domain.Failure{Code: "c", Message: "m"}, Attempts: 2, Requeues: 1, Task: "task", EnqueuedAt: at, ReconcileAt: at}}
	doc.Object, doc.Thumbnail = domain.NewObjectKey(doc.Owner, doc.ID, uuid.New(), "n.part"), domain.NewThumbnailKey(doc.Owner, doc.ID, uuid.New())
	doc.SHA256 = sha256.Sum256([]byte("bytes"))
	bare := domain.Document{ID: domain.DocumentID{5}, Name: "bare", CreatedAt: at, UpdatedAt: at, Progress: domain.Progress{Status: "python's", ReconcileAt: at}}
	c := contents{rows: []ports.Record{{Folder: &folder}, {Topic: &topic}, {Document: &ports.DocumentRecord{Document: doc, Text: &text, PageStarts: []int{0, 4}}},
		{Document: &ports.DocumentRecord{Document: bare}},
		{Filing: &ports.FilingRecord{Document: doc.ID, Topic: topic.ID, Confirmed: true, Confidence: &sure, By: "somebody"}},
		{Filing: &ports.FilingRecord{Document: bare.ID, Topic: topic.ID, Rejected: true}}},
		objects: map[ports.BackupObject]string{},
		notes: ports.BackupNotes{CreatedAt: at, Backend: "minio", Rows: ports.RowCounts{Folders: 1, Topics: 1, Documents: 2, Filings: 2},
			Gone: []domain.ObjectKey{domain.NewObjectKey(doc.Owner, bare.ID, uuid.New(), "")}}}
	for key, text := range map[domain.ObjectKey]string{doc.Object: "bytes", doc.Thumbnail: ""} {
		c.objects[ports.BackupObject{Key: key, ContentType: "text/plain", Size: int64(len(text)), SHA256: sha256.Sum256([]byte(text))}] = text
	}
	return c
}

// put writes contents to a backup and says how many objects were kept from before.
func (c contents) put(t *testing.T, sink ports.BackupSink) (kept int) {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(sink.PutRows(t.Context(), func(add func(ports.Record) error) error {
		for _, record := range c.rows {
			if err := add(record); err != nil {
				return err
			}
		}
		return nil
	}))
	var again []ports.Record
	ok(sink.EachRow(t.Context(), func(record ports.Record) error {
		again = append(again, record)
		return nil
	}))
	if !reflect.DeepEqual(again, c.rows) {
		t.Errorf("rows read again:\n got %+v\nwant %+v", again, c.rows)
	}
	for object, text := range c.objects {
		got, was, err := sink.PutObject(t.Context(), object, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
		ok(err)
		if got != object {
			t.Errorf("got %+v, want %+v", got, object)
		}
		if was {
			kept++
		}
	}
	ok(sink.Finish(t.Context(), c.notes))
	return kept
}

// read reads all of a backup, as a restore does.
func read(ctx context.Context, source ports.BackupSource) (c contents, err error) {
	c.objects = map[ports.BackupObject]string{}
	err = source.Objects(ctx, func(object ports.BackupObject, content io.Reader) error {
		text := make([]byte, object.Size) // as a client that does not wait for the end
		_, err := io.ReadFull(content, text)
		c.objects[object] = string(text)
		return err
	})
	if err == nil {
		c.notes, err = source.Notes(ctx)
	}
	if err == nil {
		err = source.Rows(ctx, func(record ports.Record) error {
			c.rows = append(c.rows, record)
			return nil
		})
	}
	return c, err
}

func folder(t *testing.T, c contents) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "backup")
	sink, err := CreateFolder(dir, "schema")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	c.put(t, sink)
	return dir
}

func readFolder(ctx context.Context, dir string) (contents, error) {
	source, err := OpenFolder(dir)
	if err != nil {
		return contents{}, err
	}
	defer source.Close()
	return read(ctx, source)
}

func tarOf(t *testing.T, c contents) []byte {
	t.Helper()
	var out bytes.Buffer
	sink, err := WriteTar(&out, "schema")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	c.put(t, sink)
	return out.Bytes()
}

func readTar(ctx context.Context, text []byte) (contents, error) {
	source, err := ReadTar(bytes.NewReader(text))
	if err != nil {
		return contents{}, err
	}
	defer source.Close()
	return read(ctx, source)
}

func TestEverythingComesBack(t *testing.T) {
	t.Parallel()
	want := sample()
	name := filepath.Join(t.TempDir(), "vault.tar")
	sink, err := CreateTar(name, "schema")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tar that is not finished has its name: %v", err)
	}
	want.put(t, sink)
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	inFile, err := OpenTar(name)
	if err != nil {
		t.Fatal(err)
	}
	defer inFile.Close()
	for i := range 2 {
		if got, err := read(t.Context(), inFile); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("tar, time %d: %v\n got %+v\nwant %+v", i, err, got, want)
		}
	}
	if got, err := readTar(t.Context(), tarOf(t, want)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("pipe: %v\n got %+v\nwant %+v", err, got, want)
	}
	if got, err := readFolder(t.Context(), folder(t, want)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("folder: %v\n got %+v\nwant %+v", err, got, want)
	}
	left, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(left) != 1 {
		t.Errorf("left beside the tar: %v, %v", left, err)
	}
}

// TestDamageInFolder flips each byte of each file in turn, cuts each file, and takes each away.
func TestDamageInFolder(t *testing.T) {
	t.Parallel()
	want := sample()
	dir := folder(t, want)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		whole, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		changed := map[string][]byte{"longer": append(bytes.Clone(whole), 'x')}
		for i := range whole {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1
			changed[fmt.Sprint("byte ", i)] = flipped
		}
		if len(whole) > 0 {
			changed["shorter"] = whole[:len(whole)-1]
		}
		for how, text := range changed {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				return err
			}
			got, err := readFolder(t.Context(), dir)
			manifest := filepath.Base(name) == manifestName // which nothing vouches for: what it says is not all needed
			if domain.ErrorCode(err) != domain.Malformed && (!manifest || err != nil || !reflect.DeepEqual(got.rows, want.rows) || !reflect.DeepEqual(got.objects, want.objects)) {
				t.Errorf("%s, %s: %v", name, how, err)
			}
		}
		if err := os.Remove(name); err != nil {
			return err
		}
		if _, err := readFolder(t.Context(), dir); domain.ErrorCode(err) != domain.Malformed {
			t.Errorf("%s is missing: %v", name, err)
		}
		if err := os.Symlink("/dev/zero", name); err != nil {
			return err
		}
		if _, err := readFolder(t.Context(), dir); domain.ErrorCode(err) != domain.Malformed {
			t.Errorf("%s is a link: %v", name, err)
		}
		return errors.Join(os.Remove(name), os.WriteFile(name, whole, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamageInTar flips every fifth byte of a tar, and cuts it at many lengths: either that is found, or it made no difference.
func TestDamageInTar(t *testing.T) {
	t.Parallel()
	want := sample()
	whole := tarOf(t, want)
	found := 0
	for i := 0; i < len(whole); i += 5 {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		got, err := readTar(t.Context(), flipped)
		if err != nil {
			found++
			continue
		}
		if got.notes, want.notes = (ports.BackupNotes{}), (ports.BackupNotes{}); !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d of %d: other contents, and no error", i, len(whole))
		}
	}
	if found < 100 {
		t.Errorf("only %d of %d were found", found, len(whole))
	}
	for i := 0; i < len(whole)-2*512-512; i += 31 {
		if _, err := readTar(t.Context(), whole[:i]); domain.ErrorCode(err) != domain.Malformed {
			t.Errorf("cut at byte %d of %d: %v", i, len(whole), err)
		}
	}
}

// TestHostileTar: names that lead elsewhere, what is no file, and what would be more than is there.
func TestHostileTar(t *testing.T) {
	t.Parallel()
	key := domain.NewObjectKey(domain.Nobody, domain.DocumentID{1}, uuid.New(), "").String()
	line := fmt.Sprintf(`{"key":%q,"size":1,"sha256":"%x"}`, key, sha256.Sum256([]byte("x")))
	record := map[string]string{objectRecord: line}
	for name, header := range map[string]*tar.Header{
		"no object":      {Name: "objects/x", Size: 1},
		"another object": {Name: "objects/" + uuid.NewString(), Size: 1, PAXRecords: record},
		"up":             {Name: "objects/../" + key, Size: 1, PAXRecords: record},
		"up in the line": {Name: "objects/../x", Size: 1, PAXRecords: map[string]string{objectRecord: strings.ReplaceAll(line, key, "../x")}},
		"absolute":       {Name: "/etc/passwd", Size: 1},
		"another size":   {Name: "objects/" + key, Size: 1, PAXRecords: map[string]string{objectRecord: strings.ReplaceAll(line, `"size":1`, `"size":2`)}},
		"negative size":  {Name: "objects/" + key, Size: 1, PAXRecords: map[string]string{objectRecord: strings.ReplaceAll(line, `"size":1`, `"size":-1`)}},
		"a link":         {Name: "objects/" + key, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd", PAXRecords: record},
		"an empty link": {Name: "objects/" + key, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd", PAXRecords: map[string]string{
			objectRecord: fmt.Sprintf(`{"key":%q,"size":0,"sha256":"%x"}`, key, sha256.Sum256(nil))}},
		"a device":        {Name: "objects/" + key, Typeflag: tar.TypeChar, PAXRecords: record},
		"a folder":        {Name: "objects/", Typeflag: tar.TypeDir},
		"rows too early":  {Name: rowsName, Size: 1},
		"a long manifest": {Name: manifestName, Size: 1},
	} {
		var text bytes.Buffer
		w := tar.NewWriter(&text)
		for _, h := range []*tar.Header{{Name: versionName, Size: int64(len(versionText))}, header} {
			h.Mode, h.Format = 0o600, tar.FormatPAX
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(name, err)
			}
			if _, err := io.WriteString(w, versionText[:h.Size]); err != nil {
				t.Fatal(name, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := readTar(t.Context(), text.Bytes()); domain.ErrorReason(err) != "damaged" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFolderGoesOn: what is there with the right bytes is kept, what is not is replaced, and until it is finished it is no backup.
func TestFolderGoesOn(t *testing.T) {
	t.Parallel()
	want := sample()
	dir := folder(t, want)
	var one ports.BackupObject
	for one = range want.objects {
		if one.Size > 0 {
			break
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "objects", one.Key.String()), []byte("BYTES"), 0o600); err != nil {
		t.Fatal(err)
	}
	sink, err := CreateFolder(dir, "schema")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readFolder(t.Context(), dir); domain.ErrorReason(err) != "unfinished" {
		t.Errorf("before it is finished: %v", err)
	}
	if kept := want.put(t, sink); kept != 1 {
		t.Errorf("%d were kept", kept)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := readFolder(t.Context(), dir); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateFolder(dir, "schema"); domain.ErrorReason(err) != "not_empty" {
		t.Errorf("a folder with other things in it: %v", err)
	}
}

// TestNothingOfAFailedObject: an object whose bytes end early is no part of a backup that goes on.
func TestNothingOfAFailedObject(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "backup")
	inFolder, err := CreateFolder(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer inFolder.Close()
	var text bytes.Buffer
	inTar, err := WriteTar(&text, "")
	if err != nil {
		t.Fatal(err)
	}
	defer inTar.Close()
	for name, sink := range map[string]ports.BackupSink{"folder": inFolder, "tar": inTar} {
		lost := errors.New("the connection is lost")
		key := domain.NewObjectKey(domain.Nobody, domain.DocumentID{1}, uuid.New(), "")
		for want, open := range map[ports.BackupObject]func() (io.ReadCloser, error){
			{Key: key, Size: -1}: func() (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader("half"), failing{lost})), nil
			},
			{Key: key, Size: -1, ContentType: "x"}: func() (io.ReadCloser, error) { return nil, lost },
		} {
			if _, _, err := sink.PutObject(t.Context(), want, open); !errors.Is(err, lost) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := sink.Finish(t.Context(), ports.BackupNotes{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, back := range map[string]func() (contents, error){
		"folder": func() (contents, error) { return readFolder(t.Context(), dir) },
		"tar":    func() (contents, error) { return readTar(t.Context(), text.Bytes()) },
	} {
		if got, err := back(); err != nil || len(got.objects) != 0 {
			t.Errorf("%s: %v, %v", name, got.objects, err)
		}
	}
}

type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }
